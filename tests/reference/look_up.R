# Expected survival of the 200 made-up children of expected.R under the look-up rules of other software.
# Rscript look_up.R [OUTDIR]   (reads expected_children.csv and makes look_up_*.csv beside itself unless told otherwise)
#
# The life table has yearly hazards by sex, single age 0-30 and calendar year 1990-2024, drawn with a seed. Each rule is
# computed by the software whose rule it is, except those of Stata's strs, which are written out after its source.
suppressPackageStartupMessages({library(survival); library(popEpi); library(data.table)})
arguments <- commandArgs(TRUE)
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
out <- if (length(arguments)) arguments[1] else here
set.seed(20261124, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")

ages <- 0:30; years <- 1990:2024; sexes <- c("female", "male")
level <- c(0.02, 0.004, exp(seq(log(3e-4), log(1e-3), length.out = length(ages) - 2)))
rates <- array(0, c(length(ages), length(years), 2), dimnames = list(age = ages, year = years, sex = sexes))
for (k in 1:2) rates[, , k] <- outer(level, exp(-0.03 * (years - 1990))) * c(1, 1.25)[k] *
  exp(rnorm(length(level) * length(years), 0, 0.2))
rates <- signif(rates, 6)

children <- read.csv(file.path(here, "expected_children.csv"), stringsAsFactors = FALSE)
children$diagnosis_date <- as.Date(children$diagnosis_date)
ratetable <- function(days, type) structure(rates / days, dimid = c("age", "year", "sex"), type = c(2, type, 1),
  cutpoints = list(days * ages, as.Date(paste0(years, "-01-01")), NULL), class = "ratetable")
of_survexp <- function(days, type) survexp(time ~ 1, data = children, ratetable = ratetable(days, type),
  method = "individual.h", rmap = list(age = age_days, year = diagnosis_date, sex = sex))

# popEpi: dates as calendar years with their fraction, person-years split at whole ages and calendar years
position <- function(date) get.yrs(date, year.length = "actual")
popmort <- setDT(as.data.frame.table(rates, responseName = "haz", stringsAsFactors = FALSE))
popmort[, `:=`(age = as.integer(age), year = as.integer(year), sex = match(sex, sexes) - 1L)]
own <- data.table(row = children$row, sex = match(children$sex, sexes) - 1L,
                  birth = position(children$diagnosis_date - children$age_days),
                  entry = position(children$diagnosis_date), exit = position(children$diagnosis_date + children$time),
                  status = 0L)
split <- lexpand(own, birth = birth, entry = entry, exit = exit, status = status,
                 breaks = list(fot = c(0, 60), per = 1990:2025, age = c(0:30, 120)), drop = FALSE)
split <- as.data.table(split)
split[, `:=`(year = as.integer(floor(per + 1e-7)), whole = pmin(as.integer(floor(age + 1e-7)), 30L))]
split <- merge(split, popmort, by.x = c("sex", "whole", "year"), by.y = c("sex", "age", "year"))
fractional <- split[, .(h = sum(haz * lex.dur)), keyby = row]$h

# strs: attained age = completed years at diagnosis + whole years since; the calendar either by the date or in step
by_day <- function(i, in_step) {
  child <- children[i, ]; birth <- child$diagnosis_date - child$age_days
  ymd <- function(d) as.integer(strsplit(format(d), "-")[[1]])
  b <- ymd(birth); d <- ymd(child$diagnosis_date)
  completed <- d[1] - b[1] - ((d[2] < b[2]) || (d[2] == b[2] && d[3] < b[3]))
  days <- child$diagnosis_date + seq_len(child$time) - 1
  parts <- as.POSIXlt(days)
  since <- parts$year + 1900 - d[1] - ((parts$mon + 1 < d[2]) | (parts$mon + 1 == d[2] & parts$mday < d[3]))
  year <- if (in_step) d[1] + since else parts$year + 1900
  sum(rates[cbind(pmin(completed + since, 30) + 1, year - 1989, match(child$sex, sexes))]) / 365.25
}

result <- data.frame(row = children$row, relsurv = of_survexp(365.241, 3), survival = of_survexp(365.25, 3),
                     survexp_us = of_survexp(365.25, 4), fractional_years = fractional,
                     completed_years = sapply(seq_len(nrow(children)), by_day, FALSE),
                     completed_years_and_calendar_years = sapply(seq_len(nrow(children)), by_day, TRUE))
cells <- as.data.frame.table(rates, responseName = "rate", stringsAsFactors = FALSE)
cells$rate <- sprintf("%.6g", cells$rate)
number <- function(x) if (is.double(x)) formatC(x, digits = 17, format = "g", width = 1) else x
save <- function(frame, name) write.csv(as.data.frame(lapply(frame, number)), file.path(out, name), row.names = FALSE, quote = FALSE)
save(cells, "look_up_life_table.csv"); save(result, "look_up_hazards.csv")
write.csv(data.frame(software = c("R", "survival", "popEpi", "data.table"), version = c(as.character(getRversion()),
  sapply(c("survival", "popEpi", "data.table"), function(p) as.character(packageVersion(p))))),
  file.path(out, "look_up_versions.csv"), row.names = FALSE, quote = FALSE)
