# What every R adapter shares: read the matrix, fit against the clock, write the estimate.
#
# An adapter calls run(package, fit). fit(responses, model) returns a list of difficulty and, where there are any,
# standard_error, discrimination and remarks. responses is a matrix of respondents x items with NA where missing.

read_npy <- function(path) {
  file <- file(path, "rb")
  on.exit(close(file))
  start <- readBin(file, "raw", 10)
  stopifnot(rawToChar(start[2:6]) == "NUMPY", start[7] == as.raw(1))
  head <- readChar(file, as.integer(start[9]) + 256L * as.integer(start[10]), useBytes = TRUE)
  stopifnot(grepl("'descr': '|i1'", head, fixed = TRUE), grepl("'fortran_order': False", head, fixed = TRUE))
  shape <- as.integer(strsplit(sub(".*'shape': \\(([0-9, ]+)\\).*", "\\1", head), ",")[[1]])
  values <- readBin(file, "integer", prod(shape), size = 1, signed = TRUE)
  values[values < 0] <- NA
  matrix(values, nrow = shape[1], byrow = TRUE, dimnames = list(NULL, paste0("i", seq_len(shape[2]))))
}

numbers <- function(values) {
  words <- formatC(as.numeric(values), digits = 17, format = "g")
  words[!is.finite(values)] <- "NaN"
  paste0("[", paste(words, collapse = ", "), "]")
}

run <- function(package, fit) {
  arguments <- commandArgs(trailingOnly = TRUE)
  responses <- read_npy(arguments[1])
  suppressPackageStartupMessages(library(package, character.only = TRUE))
  seconds <- system.time(found <- fit(responses, arguments[2]))[["elapsed"]]
  remarks <- if (is.null(found$remarks)) character() else found$remarks
  fields <- c(
    version = dQuote(as.character(packageVersion(package)), FALSE),
    seconds = format(seconds, digits = 17),
    error_seconds = "null",
    errors_pending = "false",
    difficulty = numbers(found$difficulty),
    standard_error = if (is.null(found$standard_error)) "null" else numbers(found$standard_error),
    discrimination = numbers(if (is.null(found$discrimination)) 1 else found$discrimination),
    ability_mean = "null",
    ability_sd = "null",
    remarks = paste0("[", paste(dQuote(remarks, FALSE), collapse = ", "), "]")
  )
  writeLines(paste0("{", paste0('"', names(fields), '": ', fields, collapse = ",\n"), "}"), arguments[3])
}
