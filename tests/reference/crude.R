# Crude mortality, expected numbers left and the test of net survival from R's relsurv on the project's own children.
# Rscript crude.R, in this folder, after python make_input.py; writes crude_*.csv.
suppressPackageStartupMessages({library(survival); library(relsurv)})
put <- function(x, name) { numbers <- sapply(x, is.numeric); x[numbers] <- lapply(x[numbers], format, digits = 15, trim = TRUE)
  write.csv(x, paste0("crude_", name, ".csv"), row.names = FALSE, quote = FALSE) }
d <- read.csv("children.csv", stringsAsFactors = FALSE)
d$diagnosis_date <- as.Date(d$diagnosis_date)
d$sexn <- ifelse(d$sex == "male", 1, 2)
groups <- sort(unique(d$group)); d$code <- match(d$group, groups)
strata <- sort(unique(d$stratum)); d$layer <- match(d$stratum, strata)
life <- read.csv("life_table.csv")
p <- function(s) { x <- life[life$sex == s, ]; 1 - matrix(x$qx[order(x$year, x$age)], nrow = 31, dimnames = list(0:30, 1998:2019)) }
rt <- transrate(p("male"), p("female"), yearlim = c(1998, 2019), int.length = 1)
# Of all together: by group cmp.rel stops where its variance is missing.
f <- cmp.rel(Surv(time, event) ~ 1, data = d, ratetable = rt, rmap = list(age = age_days, sex = sexn, year = diagnosis_date))
rows <- lapply(c("causeSpec", "population"), function(n) { o <- f[[n]]; i <- c(seq(1, length(o$time), 10), length(o$time))
  data.frame(cause = n, time = o$time[i], estimate = o$est[i], variance = o$var[i], area = o$area) })
put(do.call(rbind, rows), "mortality")
test <- function(case, f) data.frame(case = case, statistic = as.numeric(f$test.stat), df = as.numeric(f$df), p_value = as.numeric(f$p.value))
put(rbind(test("group", rs.diff(Surv(time, event) ~ code, data = d, ratetable = rt, rmap = list(age = age_days, sex = sexn, year = diagnosis_date))),
  test("group by stratum", rs.diff(Surv(time, event) ~ code + strata(layer), data = d, ratetable = rt, rmap = list(age = age_days, sex = sexn, year = diagnosis_date)))), "test")
write.csv(data.frame(package = c("R", "survival", "relsurv"), version = c(paste(R.version$major, R.version$minor, sep = "."),
  sapply(c("survival", "relsurv"), function(n) as.character(packageVersion(n))))), "crude_versions.csv", row.names = FALSE, quote = FALSE)
