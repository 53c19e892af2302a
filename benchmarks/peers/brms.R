# brms (https://paulbuerkner.com/brms): the same model as a non-linear formula, one prior a coefficient.

source(file.path(commandArgs(trailingOnly = TRUE)[1], "common.R"))
started <- seconds()
library(brms)
import_s <- seconds() - started

width <- nchar(n_items)
label <- function(item) sprintf(paste0("%0", width, "d"), item) # sorts by number
responses$item <- factor(label(responses$item), levels = label(seq_len(n_items)))

formula <- bf(response ~ exp(loga) * (theta - b), theta ~ 0 + (1 | person), nl = TRUE) +
  lf(loga ~ 0 + item, sparse = TRUE) + lf(b ~ 0 + item, sparse = TRUE)
normal <- function(mean, sd) sprintf("normal(%.17g, %.17g)", mean, sd)
coefficient <- paste0("item", label(seq_len(n_items)))
priors <- prior(constant(1), class = "sd", nlpar = "theta", group = "person") +
  set_prior(normal(items$log_a_mean, items$log_a_sd), class = "b", coef = coefficient, nlpar = "loga") +
  set_prior(normal(items$b_mean, items$b_sd), class = "b", coef = coefficient, nlpar = "b")

# chains = 0 only compiles.
started <- seconds()
compiled <- brm(formula, responses, bernoulli("logit"), priors, chains = 0)
compile_s <- seconds() - started

started <- seconds()
fit <- update(compiled, recompile = FALSE, chains = settings$chains, iter = settings$warmup + settings$draws,
              warmup = settings$warmup, cores = settings$cores, seed = settings$seed, refresh = 0)
wall <- seconds() - started

# (iteration, chain, parameter), in the order of the names asked for
of <- function(names) unclass(as_draws_array(fit, variable = names))
write_draws("a", exp(of(paste0("b_loga_", coefficient))))
write_draws("b", of(paste0("b_b_", coefficient)))
write_draws("theta", of(sprintf("r_person__theta[%d,Intercept]", seq_len(n_persons))))
stan_outcome(fit$fit, c("brms", "rstan"), c("a", "b", "theta"), import_s, compile_s, wall)
