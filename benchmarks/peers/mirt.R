# mirt (https://philchalmers.github.io/mirt): MAP by EM with standard errors, the program that ours_mml stands beside.
#
# mirt's priors are on the slope a1 and the intercept d = -a b: that on a1 is the mission's, that on d is its normal
# approximation at the prior mean, with the SD by the delta method.

source(file.path(commandArgs(trailingOnly = TRUE)[1], "common.R"))
started <- seconds()
library(mirt)
import_s <- seconds() - started

wide <- matrix(NA_integer_, n_persons, n_items, dimnames = list(NULL, paste0("item", seq_len(n_items))))
wide[cbind(responses$person, responses$item)] <- responses$response

a <- exp(items$log_a_mean)
intercept <- -a * items$b_mean
intercept_sd <- a * sqrt(items$b_sd^2 + (items$b_mean * items$log_a_sd)^2)
item <- seq_len(n_items)
priors <- c(sprintf("(%d, a1, lnorm, %.10f, %.10f)", item, items$log_a_mean, items$log_a_sd),
            sprintf("(%d, d, norm, %.10f, %.10f)", item, intercept, intercept_sd))
model <- mirt.model(sprintf("F = 1-%d\nPRIOR = %s", n_items, paste(priors, collapse = ", ")))

started <- seconds()
fit <- mirt(as.data.frame(wide), model, itemtype = "2PL", SE = TRUE, verbose = FALSE)
mode_s <- seconds() - started

estimates <- coef(fit, IRTpars = TRUE, simplify = TRUE)$items
abilities <- fscores(fit, method = "EAP", full.scores.SE = TRUE)
write.csv(estimates, file.path(run_folder, "items.csv"))
write.csv(abilities, file.path(run_folder, "persons.csv"))
write_outcome(character(0), "mirt", import_s = import_s, mode_s = mode_s, threads = 1)
