# Stan through rstan (https://mc-stan.org/rstan): the program of two_parameter.stan.

source(file.path(commandArgs(trailingOnly = TRUE)[1], "common.R"))
started <- seconds()
library(rstan)
import_s <- seconds() - started

program <- paste(readLines(file.path(words[1], "two_parameter.stan")), collapse = "\n")
if (package_version(stan_version()) < "2.26") { # arrays were written after the name then
  program <- gsub("array\\[(\\w+)\\] (int<[^>]*>) (\\w+);", "\\2 \\3[\\1];", program)
}
started <- seconds()
model <- stan_model(model_code = program)
compile_s <- seconds() - started

started <- seconds()
fit <- sampling(model,
  data = c(list(n_persons = n_persons, n_items = n_items, n_responses = nrow(responses)), as.list(responses),
           as.list(items)),
  chains = settings$chains, iter = settings$warmup + settings$draws, warmup = settings$warmup,
  cores = settings$cores, seed = settings$seed, refresh = 0)
wall <- seconds() - started

names <- c("a", "b", "theta")
for (name in names) write_draws(name, extract(fit, pars = name, permuted = FALSE))
stan_outcome(fit, c("rstan", "StanHeaders"), names, import_s, compile_s, wall)
