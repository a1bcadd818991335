# Seconds that R packages need for one task on the data that the benchmarks wrote: Rscript peers.R TASK FOLDER
# The last line printed is the number of seconds. Exit status 3: the package is not installed.
arguments <- commandArgs(TRUE)
task <- arguments[1]
folder <- arguments[2]
need <- function(package) {
  if (!suppressPackageStartupMessages(require(package, character.only = TRUE, quietly = TRUE))) quit(status = 3)
}
read <- function(name) read.csv(file.path(folder, name))
elapsed <- function(work, repeats = 1) {
  best <- Inf
  for (i in seq_len(repeats)) {
    gc()
    best <- min(best, system.time(force(work()))[["elapsed"]])
  }
  cat(format(best, digits = 6), "\n")
}

need("survival")
if (task == "survfit_groups") {
  d <- read("groups.csv")
  d$group <- factor(d$group)
  elapsed(function() survfit(Surv(time, event) ~ group, d, conf.type = "log-log"))
} else if (task == "survdiff_groups") {
  d <- read("groups.csv")
  d$group <- factor(d$group)
  elapsed(function() survdiff(Surv(time, event) ~ group, d))
} else if (task == "survfit_causes") {
  d <- read("causes.csv")
  d$state <- factor(d$cause, 0:2, c("censored", "one", "two"))
  elapsed(function() survfit(Surv(time, state) ~ 1, d), 3)
} else if (task == "cuminc") {
  need("cmprsk")
  d <- read("causes.csv")
  elapsed(function() cuminc(d$time, d$cause, d$group))
} else if (task == "coxph") {
  d <- read("cox.csv")
  elapsed(function() coxph(Surv(time, event) ~ ., d, ties = "efron"), 2)
} else if (task == "export_colrec") {
  need("relsurv")
  data(colrec, slopop, package = "relsurv")
  d <- data.frame(time = colrec$time, event = colrec$stat, sex = c("male", "female")[colrec$sex], age_days = colrec$age, stage = colrec$stage,
                  diagnosis_date = format(as.Date(as.numeric(colrec$diag), origin = "1960-01-01")))
  write.csv(d, file.path(folder, "colrec.csv"), row.names = FALSE)
  cut <- attr(slopop, "cutpoints")
  n <- dim(slopop)
  # Numbers of days since 1960 or 1970, by the class and version of the table's dates.
  first <- if (inherits(cut[[2]], "Date")) cut[[2]] else as.Date(as.numeric(cut[[2]]), origin = "1960-01-01")
  cells <- expand.grid(age_start = as.numeric(cut[[1]]), year_start = format(first), sex = dimnames(slopop)[[3]])
  cells$hazard <- as.numeric(unclass(slopop))
  cells$year <- rep(rep(as.integer(dimnames(slopop)[[2]]), each = n[1]), n[3])
  write.csv(cells, file.path(folder, "slopop.csv"), row.names = FALSE)
  cat("0\n")
} else if (startsWith(task, "relsurv_colrec_")) {
  need("relsurv")
  data(colrec, slopop, package = "relsurv")
  elapsed(function() rs.surv(Surv(time, stat) ~ 1, data = colrec, ratetable = slopop, method = sub("relsurv_colrec_", "", task),
                             rmap = list(age = age, sex = sex, year = diag)), 3)
} else if (task %in% c("rs_diff_sex", "rs_diff_stage", "cmp_rel", "nessie")) {
  need("relsurv")
  data(colrec, slopop, package = "relsurv")
  colrec$stage <- factor(colrec$stage)
  test <- function(formula) rs.diff(formula, data = colrec, ratetable = slopop, rmap = list(age = age, sex = sex, year = diag))
  work <- switch(task,
    rs_diff_sex = function() test(Surv(time, stat) ~ sex),
    rs_diff_stage = function() test(Surv(time, stat) ~ stage),
    cmp_rel = function() cmp.rel(Surv(time, stat) ~ 1, data = colrec, ratetable = slopop, rmap = list(age = age, sex = sex, year = diag)),
    nessie = function() invisible(capture.output(nessie(Surv(time, stat) ~ sex, data = colrec, ratetable = slopop, times = 1:10,
                                                        rmap = list(age = age, sex = sex, year = diag)))))
  elapsed(work, 2)
} else if (task %in% c("relsurv_children", "survexp_children", "pyears_children")) {
  need("relsurv")
  d <- read("children.csv")
  d$year <- as.Date(d$diagnosis_date)
  life <- read("life_table.csv")
  ages <- sort(unique(life$age))
  years <- sort(unique(life$year))
  life <- life[order(life$sex, life$year, life$age), ]
  rate <- function(sex) matrix(exp(-life$mx[life$sex == sex]), nrow = length(ages))
  table <- transrate(rate("male"), rate("female"), yearlim = range(years), int.length = 1)
  if (task == "survexp_children") {
    elapsed(function() survexp(time ~ 1, data = d, ratetable = table, method = "individual.s",
                               rmap = list(age = age_days, sex = sex, year = year)), 3)
  } else if (task == "pyears_children") {
    d$age <- tcut(d$age_days, 365.241 * c(0, 1, 5, 10, 15, 200))
    d$period <- tcut(d$year, as.Date(c("1900-01-01", "2000-01-01", "2005-01-01", "2010-01-01", "2100-01-01")))
    elapsed(function() pyears(Surv(time, event) ~ age + period, data = d, ratetable = table,
                              rmap = list(age = age_days, sex = sex, year = year)), 3)
  } else {
    elapsed(function() rs.surv(Surv(time, event) ~ 1, data = d, ratetable = table, method = "pohar-perme",
                               rmap = list(age = age_days, sex = sex, year = year)))
  }
} else {
  stop("no such task: ", task)
}
