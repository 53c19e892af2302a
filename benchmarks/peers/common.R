# What the R programs share: Rscript PROGRAM.R PEERS DATA FOLDER SEED CORES CHAINS DRAWS WARMUP (NA: the default).

words <- commandArgs(trailingOnly = TRUE)
data_folder <- words[2]
run_folder <- words[3]
numbers <- suppressWarnings(as.integer(words[4:8]))
settings <- list(seed = numbers[1], cores = numbers[2], chains = numbers[3], draws = numbers[4], warmup = numbers[5])

default <- function(value, otherwise) if (is.na(value)) otherwise else value
settings$chains <- default(settings$chains, 4L)
settings$warmup <- default(settings$warmup, 1000L)
settings$draws <- default(settings$draws, 1000L)

responses <- read.csv(file.path(data_folder, "responses.csv"))
items <- read.csv(file.path(data_folder, "items.csv"))
n_persons <- max(responses$person)
n_items <- nrow(items)

seconds <- function() unname(proc.time()["elapsed"])

# Write an array of (iteration, chain, parameter) as a NumPy file of (chain, iteration, parameter).
write_draws <- function(name, draws) {
  draws <- aperm(draws, c(2, 1, 3))
  header <- sprintf("{'descr': '<f8', 'fortran_order': True, 'shape': (%s), }", paste(dim(draws), collapse = ", "))
  padding <- 64 - (10 + nchar(header) + 1) %% 64
  header <- paste0(header, strrep(" ", padding), "\n")
  connection <- file(file.path(run_folder, paste0(name, ".npy")), "wb")
  on.exit(close(connection))
  writeBin(as.raw(c(0x93, utf8ToInt("NUMPY"), 1, 0)), connection)
  writeBin(nchar(header), connection, size = 2, endian = "little")
  writeBin(charToRaw(header), connection)
  writeBin(as.double(draws), connection, size = 8, endian = "little")
}

# Write outcome.json; values are numbers, NULL is left out.
write_outcome <- function(draws, packages, ...) {
  quoted <- function(text) paste0("\"", text, "\"")
  values <- Filter(Negate(is.null), list(...))
  entries <- sprintf("\"%s\": %s", names(values), vapply(values, function(x) format(x, digits = 10), ""))
  found <- vapply(packages, function(name) as.character(packageVersion(name)), "")
  versions <- c(sprintf("\"R\": %s", quoted(as.character(getRversion()))),
                sprintf("\"%s\": %s", packages, quoted(found)))
  entries <- c(entries,
               "\"items\": [\"a\", \"b\"]", "\"dtype\": \"float64\"",
               sprintf("\"draws\": [%s]", paste(vapply(draws, quoted, ""), collapse = ", ")),
               sprintf("\"versions\": {%s}", paste(versions, collapse = ", ")))
  writeLines(paste0("{", paste(entries, collapse = ", "), "}"), file.path(run_folder, "outcome.json"))
}

# Timings, leapfrog steps and divergences of a stanfit; `wall` is divided by what the chains say of themselves.
stan_outcome <- function(fit, packages, draws, import_s, compile_s, wall) {
  own <- colSums(rstan::get_elapsed_time(fit))
  before <- rstan::get_sampler_params(fit, inc_warmup = TRUE)
  after <- rstan::get_sampler_params(fit, inc_warmup = FALSE)
  total <- function(chains, column) sum(vapply(chains, function(chain) sum(chain[, column]), 0))
  steps <- total(after, "n_leapfrog__")
  write_outcome(draws, packages,
                import_s = import_s, compile_s = compile_s,
                warmup_s = wall * own[["warmup"]] / sum(own), sample_s = wall * own[["sample"]] / sum(own),
                warmup = settings$warmup, threads = min(settings$cores, settings$chains),
                leapfrog_warmup = total(before, "n_leapfrog__") - steps, leapfrog_sample = steps,
                divergences = total(after, "divergent__"))
}
