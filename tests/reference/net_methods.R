# Net survival by every method of relsurv and popEpi on the project's own children, for compat="relsurv" and "popepi".
# Rscript net_methods.R, in this folder, after python make_input.py; writes net_methods_*.csv.
suppressPackageStartupMessages({library(survival); library(relsurv); library(popEpi); library(Epi); library(data.table)})
put <- function(x, name) { numbers <- sapply(x, is.numeric); x[numbers] <- lapply(x[numbers], format, digits = 15, trim = TRUE)
  write.csv(x, paste0("net_methods_", name, ".csv"), row.names = FALSE, quote = FALSE) }
d <- read.csv("children.csv", stringsAsFactors = FALSE)
d$diagnosis_date <- as.Date(d$diagnosis_date)
d$sexn <- ifelse(d$sex == "male", 1, 2)
# relsurv names strata of numbers only in a way that can be read back.
groups <- sort(unique(d$group))
d$code <- match(d$group, groups)
life <- read.csv("life_table.csv")
p <- function(s) { x <- life[life$sex == s, ]; 1 - matrix(x$qx[order(x$year, x$age)], nrow = 31, dimnames = list(0:30, 1998:2019)) }
rt <- transrate(p("male"), p("female"), yearlim = c(1998, 2019), int.length = 1)
# Children enter late or not at all in relsurv, so all are followed from diagnosis here.
added <- c(50.5, 365.241, 800.25)
rows <- list()
one <- function(case, ..., table = rt) {
  f <- rs.surv(Surv(time, event) ~ code, data = d, ratetable = table, rmap = list(age = age_days, sex = sexn, year = diagnosis_date), ...)
  g <- groups[as.integer(rep(sub("^code=", "", names(f$strata)), f$strata))]
  x <- data.frame(case = case, group = g, time = f$time, n_risk = f$n.risk, n_event = f$n.event, surv = f$surv, std_err = f$std.err, lower = f$lower, upper = f$upper)
  # Every fifth row, and the last of each group: what cumulates shows there.
  rows[[length(rows) + 1]] <<- x[sort(unique(c(seq(1, nrow(x), 5), cumsum(f$strata)))), ]
}
one("pohar-perme", method = "pohar-perme")
one("pohar-perme added", method = "pohar-perme", add.times = added)
one("pohar-perme precision 30", method = "pohar-perme", precision = 30)
one("pohar-perme exponential log-log", method = "pohar-perme", type = "fleming-harrington", conf.type = "log-log")
one("ederer2", method = "ederer2")
one("ederer2 plain", method = "ederer2", conf.type = "plain")
one("ederer1", method = "ederer1")
one("hakulinen", method = "hakulinen")
one("hakulinen exponential", method = "hakulinen", type = "fleming-harrington")
# The same table with cuts of class Date, days since 1970: Hakulinen then finds the right years.
since_1970 <- rt
cuts <- attr(since_1970, "cutpoints")
cat("class of the cuts:", class(cuts[[3]]), "first cut:", as.numeric(cuts[[3]][1]), "\n")
first <- if (inherits(cuts[[3]], "Date")) cuts[[3]] else as.Date(as.numeric(cuts[[3]]), origin = "1960-01-01")
cuts[[3]] <- first
attr(since_1970, "cutpoints") <- cuts
one("hakulinen Date", method = "hakulinen", table = since_1970)
put(do.call(rbind, rows), "relsurv")

e <- as.data.table(d)[time > 0]
e[, born := diagnosis_date - age_days]
e[, last := diagnosis_date + time]
year <- function(x) get.yrs(x, year.length = "actual")
e[, age := year(diagnosis_date) - year(born)]
lx <- Lexis(entry = list(FUT = 0, AGE = age, CAL = get.yrs(diagnosis_date)), exit = list(CAL = get.yrs(last)), data = e, exit.status = factor(event, 0:1), merge = TRUE)
haz <- as.data.table(life)[, .(sexn = ifelse(sex == "male", 1, 2), CAL = year, AGE = age, haz = -log(1 - qx))]
tables <- list()
for (m in c("hazard", "lifetable")) for (r in c("pp", "e2")) {
  s <- as.data.table(suppressWarnings(survtab(FUT ~ group, data = lx, breaks = list(FUT = seq(0, 5, 1 / 12)), pophaz = haz, surv.type = "surv.rel", relsurv.method = r, surv.method = m)))
  tables[[length(tables) + 1]] <- data.frame(method = r, form = m, group = s$group, end = s$Tstop, deaths = s$d,
    estimate = s[[paste0("r.", r)]], std_err = s[[paste0("SE.r.", r)]], lower = s[[paste0("r.", r, ".lo")]], upper = s[[paste0("r.", r, ".hi")]])
}
put(do.call(rbind, tables), "popepi")
write.csv(data.frame(package = c("R", "survival", "relsurv", "popEpi", "Epi"),
  version = c(paste(R.version$major, R.version$minor, sep = "."), sapply(c("survival", "relsurv", "popEpi", "Epi"), function(n) as.character(packageVersion(n))))),
  "net_methods_versions.csv", row.names = FALSE, quote = FALSE)
