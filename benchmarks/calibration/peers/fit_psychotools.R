# Adapter for R's psychotools: conditional maximum likelihood, difficulties put to mean zero.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))), "adapter.R"))

run("psychotools", function(responses, model) {
  found <- raschmodel(responses, hessian = TRUE)
  items <- itempar(found, ref = NULL, vcov = TRUE)
  list(
    difficulty = as.numeric(coef(items)),
    standard_error = sqrt(diag(vcov(items))),
    remarks = if (found$code == 0) NULL else paste("optim ended with code", found$code)
  )
})
