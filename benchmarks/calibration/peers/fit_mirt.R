# Adapter for R's mirt: marginal maximum likelihood by EM. Rasch with the spread of ability free; standard errors
# by Oakes' identity, its recommended method.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))), "adapter.R"))

run("mirt", function(responses, model) {
  itemtype <- if (model == "rasch") "Rasch" else "2PL"
  found <- mirt(as.data.frame(responses), 1, itemtype = itemtype, SE = TRUE, verbose = FALSE)
  table <- coef(found, IRTpars = TRUE, printSE = TRUE)
  table <- table[names(table) != "GroupPars"]
  list(
    difficulty = vapply(table, function(item) item["par", "b"], 0),
    standard_error = vapply(table, function(item) item["SE", "b"], 0),
    discrimination = vapply(table, function(item) item["par", "a"], 0),
    remarks = if (extract.mirt(found, "converged")) NULL else "not converged"
  )
})
