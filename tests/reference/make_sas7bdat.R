# Writes tests/extract/files/simulated.sas7bdat from simulated rows, because no Python library writes that format.
# Run: python tests/reference/make_sas7bdat.py (which calls this with the name of a CSV); needs R with haven.
library(haven)
arguments <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(arguments[1], colClasses = "character", na.strings = NULL, encoding = "UTF-8")
for (name in c("birth_date", "diagnosis_date", "last_contact_date")) rows[[name]] <- as.Date(rows[[name]])
for (name in c("morphology", "behaviour", "basis")) rows[[name]] <- as.numeric(rows[[name]])
suppressWarnings(write_sas(rows, arguments[2]))
cat("haven", as.character(packageVersion("haven")), "R", as.character(getRversion()), "\n")
