# Reference results for observed survival, log-rank tests and net survival from R's survival and relsurv.
# Rscript core.R, in this folder, after python make_input.py; writes core_*.csv and versions.txt.
suppressPackageStartupMessages({library(survival); library(relsurv)})
d <- read.csv("children.csv", stringsAsFactors = FALSE)
d$diagnosis_date <- as.Date(d$diagnosis_date)
put <- function(x, name) write.csv(format(x, digits = 15, trim = TRUE, scientific = NA), paste0("core_", name, ".csv"), row.names = FALSE, quote = FALSE)
strata_of <- function(f) if (is.null(f$strata)) "all" else rep(sub("^group=", "", names(f$strata)), f$strata)

# std_err is the standard error of log S, as survfit keeps it; robust fits keep that of S.
log_error <- function(f) if (f$logse) f$std.err else f$std.err / f$surv
curve <- function(f, case) data.frame(case = case, group = strata_of(f), time = f$time, n_risk = f$n.risk, n_event = f$n.event,
  n_censor = f$n.censor, surv = f$surv, std_err = log_error(f), lower = f$lower, upper = f$upper)
fits <- list()
for (ct in c("log", "log-log", "plain", "logit", "arcsin")) fits[[ct]] <- survfit(Surv(time, event) ~ 1, d, conf.type = ct)
fits[["group"]] <- survfit(Surv(time, event) ~ group, d, conf.type = "log-log")
fits[["level80"]] <- survfit(Surv(time, event) ~ group, d, conf.type = "log-log", conf.int = 0.8)
fits[["entry"]] <- survfit(Surv(entry, time, event) ~ group, d, conf.type = "log")
fits[["frequency"]] <- survfit(Surv(time, event) ~ group, d, weights = frequency, conf.type = "log", robust = FALSE)
fits[["weight"]] <- survfit(Surv(time, event) ~ group, d, weights = weight, conf.type = "log", id = id, robust = TRUE)
fits[["entry weight"]] <- survfit(Surv(entry, time, event) ~ group, d, weights = weight, conf.type = "log", id = id, robust = TRUE)
# Every third row tells as much as all of them and keeps the file small.
put(do.call(rbind, lapply(names(fits), function(n) { x <- curve(fits[[n]], n); x[seq(1, nrow(x), 3), ] })), "curves")

# Conditional survival given 365 days, and the step function at chosen times.
put(curve(survfit(Surv(time, event) ~ group, d, start.time = 365, conf.type = "log"), "given 365")[c(TRUE, FALSE, FALSE), ], "conditional")
s <- summary(fits[["entry"]], times = c(0, 0.5, 1, 100, 365.25, 400, 1000), extend = TRUE)
put(data.frame(group = sub("^group=", "", as.character(s$strata)), time = s$time, n_risk = s$n.risk, n_event = s$n.event, n_censor = s$n.censor,
  surv = s$surv, std_err = s$std.err, lower = s$lower, upper = s$upper), "at")

quantiles <- function(f, case) { p <- c(0.1, 0.25, 0.5, 0.6, 0.75); q <- quantile(f, p); g <- unique(strata_of(f))
  m <- function(x) as.vector(t(matrix(x, nrow = length(g))))
  data.frame(case = case, group = rep(g, each = length(p)), p = p, quantile = m(q$quantile), lower = m(q$lower), upper = m(q$upper)) }
flat <- data.frame(time = c(1, 2, 5, 6, 3, 4, 4, 9), event = c(1, 1, 0, 0, 1, 1, 0, 1), group = rep(c("flat", "falls"), each = 4))
put(rbind(quantiles(fits[["group"]], "group"), quantiles(fits[["entry"]], "entry"),
  quantiles(survfit(Surv(time, event) ~ group, flat, conf.type = "log-log"), "level at the median")), "quantiles")

rm_ <- do.call(rbind, lapply(c(300, 731), function(tau) do.call(rbind, lapply(c("group", "entry"), function(n) { t <- summary(fits[[n]], rmean = tau)$table
  data.frame(case = n, tau = tau, group = sub("^group=", "", rownames(t)), rmean = t[, "rmean"], se = t[, "se(rmean)"]) }))))
put(rm_, "rmean")

test <- function(case, f) { o <- if (is.matrix(f$obs)) rowSums(f$obs) else f$obs; e <- if (is.matrix(f$exp)) rowSums(f$exp) else f$exp
  data.frame(case = case, group = sub("^group=", "", sub(" *$", "", names(f$n))), observed = as.vector(o), expected = as.vector(e), chisq = f$chisq, df = sum(e > 0) - 1) }
tests <- list()
for (rho in c(0, 0.5, 1)) { tests[[length(tests) + 1]] <- test(paste("rho", rho), survdiff(Surv(time, event) ~ group, d, rho = rho))
  tests[[length(tests) + 1]] <- test(paste("strata rho", rho), survdiff(Surv(time, event) ~ group + strata(stratum), d, rho = rho)) }
put(do.call(rbind, tests), "survdiff")
# survdiff knows no delayed entry; without ties the score test of Cox's model is the log-rank test, so ties are broken by id.
score <- function(case, formula) data.frame(case = case, chisq = coxph(formula, d, ties = "breslow")$score)
d$untied <- d$time + d$id / 1024
put(rbind(score("plain", Surv(untied, event) ~ group), score("entry", Surv(entry, untied, event) ~ group),
  score("entry strata", Surv(entry, untied, event) ~ group + strata(stratum))), "score")

# R's rule for times that differ by rounding.
x <- c(1, 1 + 1e-9, 1 + 1e-7, 0.1 * 3, 0.3, 1000, 1000 + 1e-6, 1000 + 2e-5, 5, 5 + 1e-8, 5 + 2e-8, 5 + 3e-8)
put(data.frame(time = x, tied = as.matrix(survival:::aeqSurv(Surv(x, rep(1, length(x)))))[, 1]), "timefix")

# Net survival with every day as an output time, on a table of our own making.
lt <- read.csv("life_table.csv")
p <- function(s) { x <- lt[lt$sex == s, ]; 1 - matrix(x$qx[order(x$year, x$age)], nrow = 31, dimnames = list(0:30, 1998:2019)) }
rt <- transrate(p("male"), p("female"), yearlim = c(1998, 2019), int.length = 1)
d$sexn <- ifelse(d$sex == "male", 1, 2)
days <- c(1, 30, 100, 365, 366, 731, 1096, 1461, 1826)
net <- function(d, case, conf) { f <- rs.surv(Surv(time, event) ~ 1, data = d, ratetable = rt, method = "pohar-perme", conf.type = conf, add.times = 1:max(d$time),
    rmap = list(age = age_days, sex = sexn, year = diagnosis_date))
  keep <- f$time %in% days
  data.frame(case = case, ci = conf, time = f$time, n_risk = f$n.risk, surv = f$surv, std_err = f$std.err, lower = f$lower, upper = f$upper)[keep, ] }
e <- rs.surv(Surv(time, event) ~ 1, data = d, ratetable = rt, method = "ederer2", rmap = list(age = age_days, sex = sexn, year = diagnosis_date))
by_group <- lapply(sort(unique(d$group)), function(g) net(d[d$group == g, ], g, "plain"))
put(rbind(net(d, "overall", "log"), do.call(rbind, by_group)), "net")
put(data.frame(time = e$time, n_risk = e$n.risk, n_event = e$n.event, surv = e$surv, std_err = e$std.err), "ederer2")
writeLines(c(R.version.string, paste("survival", packageVersion("survival")), paste("relsurv", packageVersion("relsurv"))), "versions.txt")
