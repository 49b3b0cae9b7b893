# Rasch model by conditional maximum likelihood, by two R packages. Called by make_reference.py with a CSV file of
# 1, 0 and -1 (missing); prints JSON.
#
# Scales. eRm's RM() gives *easiness* (betapar), so the sign is turned here; sum0 = TRUE centres it on the mean of
# all items, and se.beta refers to that. psychotools' raschmodel() gives difficulties with the first item at 0;
# itempar() centres them on the mean of all items and carries the covariance along. Both logarithms of the
# likelihood are conditional on the respondents' totals. Items that all or none got right are not allowed for.
suppressPackageStartupMessages({
  library(eRm)
  library(psychotools)
  library(jsonlite)
})
responses <- as.matrix(read.csv(commandArgs(trailingOnly = TRUE)[1], header = FALSE))
responses[responses < 0] <- NA

erm <- RM(responses, sum0 = TRUE)
tools <- raschmodel(responses, reltol = 1e-14, gradtol = 1e-9, iterlim = 1000)
centred <- itempar(tools)

version <- function(package) as.character(packageVersion(package))
cat(toJSON(list(
  eRm = list(
    version = unbox(version("eRm")),
    difficulty = -unname(erm$betapar),
    standard_error = unname(erm$se.beta),
    log_likelihood = unbox(erm$loglik)
  ),
  psychotools = list(
    version = unbox(version("psychotools")),
    difficulty = as.numeric(centred),
    standard_error = unname(sqrt(diag(vcov(centred)))),
    log_likelihood = unbox(as.numeric(logLik(tools)))
  )
), digits = 9))
