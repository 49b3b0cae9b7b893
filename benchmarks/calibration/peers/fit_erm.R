# Adapter for R's eRm: conditional maximum likelihood, difficulties summing to zero.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))), "adapter.R"))

run("eRm", function(responses, model) {
  found <- RM(responses, se = TRUE, sum0 = TRUE)
  # RM gives easiness, the negative of difficulty.
  list(difficulty = -found$betapar, standard_error = found$se.beta)
})
