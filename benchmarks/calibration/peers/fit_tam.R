# Adapter for R's TAM: marginal maximum likelihood by EM. Standard errors are those of its own table, item by item.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))), "adapter.R"))

run("TAM", function(responses, model) {
  control <- list(progress = FALSE)
  if (model == "rasch") {
    found <- tam.mml(responses, control = control, verbose = FALSE)
    return(list(difficulty = found$xsi$xsi, standard_error = found$xsi$se.xsi))
  }
  found <- tam.mml.2pl(responses, irtmodel = "2PL", control = control, verbose = FALSE)
  slope <- found$B[, 2, 1]
  list(difficulty = found$xsi$xsi / slope, discrimination = slope)
})
