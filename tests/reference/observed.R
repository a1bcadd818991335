# Reference results for tests between groups, cumulative hazards, competing causes and pseudo-observations.
# Rscript observed.R [OUTDIR]   (reads children.csv beside itself, writes observed_*.csv there unless told otherwise)
suppressPackageStartupMessages({library(survival); library(cmprsk); library(mvtnorm)})
arguments <- commandArgs(TRUE)
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
out <- if (length(arguments)) arguments[1] else here
d <- read.csv(file.path(here, "children.csv"), stringsAsFactors = FALSE)
d$cause <- ifelse(d$event == 0, 0, ifelse(d$id %% 3 == 0, 2, 1))
number <- function(x) if (is.double(x)) formatC(x, digits = 15, format = "g", width = 1) else x
put <- function(x, name) write.csv(as.data.frame(lapply(x, number)), file.path(out, paste0("observed_", name, ".csv")), row.names = FALSE, quote = FALSE)
strata_of <- function(f) if (is.null(f$strata)) "all" else rep(sub("^group=", "", names(f$strata)), f$strata)
thin <- function(x) x[seq(1, nrow(x), 3), ]

# Tests: trend over the groups scored 1, 2, 3; every pair with adjusted p values; survival at a fixed time.
groups <- sort(unique(d$group))
trend <- function(case, f) { u <- if (is.matrix(f$obs)) rowSums(f$obs - f$exp) else f$obs - f$exp; c <- seq_along(u)
  data.frame(case = case, statistic = sum(c * u)^2 / as.numeric(t(c) %*% f$var %*% c), df = 1) }
tests <- rbind(trend("trend", survdiff(Surv(time, event) ~ group, d)), trend("trend rho 1", survdiff(Surv(time, event) ~ group, d, rho = 1)),
  trend("trend strata", survdiff(Surv(time, event) ~ group + strata(stratum), d)))
fixed <- function(time) { s <- summary(survfit(Surv(time, event) ~ group, d), times = time); theta <- log(-log(s$surv)); v <- (s$std.err / (s$surv * log(s$surv)))^2
  m <- sum(theta / v) / sum(1 / v); data.frame(case = paste("fixed", time), statistic = sum((theta - m)^2 / v), df = length(theta) - 1) }
tests <- rbind(tests, fixed(300), fixed(730.5))
tests$p_value <- pchisq(tests$statistic, tests$df, lower.tail = FALSE)
put(tests, "tests")
pairs <- do.call(rbind, combn(groups, 2, function(p) { f <- survdiff(Surv(time, event) ~ group, d[d$group %in% p, ])
  data.frame(group_1 = p[1], group_2 = p[2], statistic = f$chisq, p_value = pchisq(f$chisq, 1, lower.tail = FALSE)) }, simplify = FALSE))
for (m in c("holm", "BH")) pairs[[tolower(m)]] <- p.adjust(pairs$p_value, m)
put(pairs, "pairs")
set.seed(1)
box <- function(r, k, q) { s <- matrix(r, k, k); diag(s) <- 1
  data.frame(correlation = r, size = k, largest = q, p_value = 1 - pmvnorm(rep(-q, k), rep(q, k), corr = s, algorithm = GenzBretz(abseps = 1e-8, maxpts = 1e6))[1]) }
put(rbind(box(0.5, 2, 1.5), box(0.9, 2, 2.3), box(0.3, 4, 2), box(0.8, 4, 3)), "boxes")

# Cumulative hazards and the survival made of them; ties as they are (ctype 1) or one after another (ctype 2).
chaz <- do.call(rbind, lapply(1:2, function(ctype) do.call(rbind, lapply(c("plain", "entry", "frequency", "weight"), function(case) {
  f <- switch(case, plain = survfit(Surv(time, event) ~ group, d, stype = 2, ctype = ctype),
    entry = survfit(Surv(entry, time, event) ~ group, d, stype = 2, ctype = ctype),
    frequency = survfit(Surv(time, event) ~ group, d, stype = 2, ctype = ctype, weights = frequency, robust = FALSE),
    weight = survfit(Surv(entry, time, event) ~ group, d, stype = 2, ctype = ctype, weights = weight, id = id, robust = TRUE))
  thin(data.frame(case = case, ctype = ctype, group = strata_of(f), time = f$time, n_risk = f$n.risk, cumhaz = f$cumhaz, std_chaz = f$std.chaz,
    surv = f$surv, std_err = f$std.err, lower = f$lower, upper = f$upper)) }))))
put(chaz, "cumulative_hazards")

# Lower limits that widen where few are left.
low <- do.call(rbind, lapply(c("peto", "modified"), function(rule) do.call(rbind, lapply(c("log", "log-log", "plain", "logit", "arcsin"), function(ct) {
  f <- survfit(Surv(time, event) ~ group, d, conf.type = ct, conf.lower = rule)
  thin(data.frame(rule = rule, ci = ct, group = strata_of(f), time = f$time, surv = f$surv, lower = f$lower, upper = f$upper)) }))))
put(low, "lower_limits")

# Competing causes: cmprsk's estimates and variances, Gray's test, and survival's Aalen-Johansen estimate.
times <- c(50, 150, 365.25, 700, 1200)
ci <- cuminc(d$time, d$cause, d$group); tp <- timepoints(ci[setdiff(names(ci), "Tests")], times)
curves <- do.call(rbind, lapply(rownames(tp$est), function(k) data.frame(group = sub(" [12]$", "", k), cause = as.integer(sub("^.* ", "", k)),
  time = times, estimate = tp$est[k, ], variance = tp$var[k, ])))
put(curves, "incidence")
gray <- function(case, t) data.frame(case = case, cause = as.integer(rownames(t)), statistic = t[, "stat"], p_value = t[, "pv"], df = t[, "df"])
two <- d[d$group %in% groups[1:2], ]
put(rbind(gray("plain", ci$Tests), gray("rho 1", cuminc(d$time, d$cause, d$group, rho = 1)$Tests), gray("strata", cuminc(d$time, d$cause, d$group, strata = d$stratum)$Tests),
  gray("two groups", cuminc(two$time, two$cause, two$group)$Tests), gray("strata rho 0.5", cuminc(d$time, d$cause, d$group, strata = d$stratum, rho = 0.5)$Tests)), "gray")
d$state <- factor(d$cause, 0:2, c("censored", "one", "two"))
aj <- function(case, f) { s <- summary(f, times = times, extend = TRUE); data.frame(case = case, group = sub("^group=", "", as.character(s$strata)), time = s$time,
  one = s$pstate[, 2], two = s$pstate[, 3], error_one = s$std.err[, 2], error_two = s$std.err[, 3]) }
put(rbind(aj("plain", survfit(Surv(time, state) ~ group, d)), aj("entry", survfit(Surv(entry, time, state) ~ group, d, id = id)),
  aj("frequency", survfit(Surv(time, state) ~ group, d, weights = frequency))), "aalen_johansen")

# Life tables of half years by popEpi: numbers at risk less half of those lost, and person-time.
suppressPackageStartupMessages({library(Epi); library(popEpi); library(data.table)})
lexis <- Lexis(entry = list(FUT = rep(0, nrow(d))), duration = d$time / 365.25, exit.status = factor(d$event, 0:1), data = d, notes = FALSE)
half_years <- function(method) { t <- as.data.table(survtab(FUT ~ group, data = lexis, breaks = list(FUT = seq(0, 8, 0.5)), surv.type = "surv.obs", surv.method = method))
  data.frame(method = method, group = t$group, stop = t$Tstop, deaths = t$d, survival = t$surv.obs, error = t$SE.surv.obs, lower = t$surv.obs.lo, upper = t$surv.obs.hi) }
put(rbind(half_years("lifetable"), half_years("hazard")), "actuarial")

# Pseudo-observations of survival and restricted means: n S - (n - 1) S without the child, by its leave-one-out definition.
first <- d[d$group == groups[1], ]
fit <- survfit(Surv(time, event) ~ 1, first)
leave_one_out <- function(of) { n <- nrow(first); whole <- of(first); n * whole - (n - 1) * t(sapply(seq_len(n), function(i) of(first[-i, ]))) }
at <- function(x) summary(survfit(Surv(time, event) ~ 1, x), times = c(200, 500), extend = TRUE)$surv
area <- function(x) summary(survfit(Surv(time, event) ~ 1, x), rmean = 500)$table["rmean"]
survival_ <- leave_one_out(function(x) at(x)); means <- leave_one_out(function(x) area(x))
put(data.frame(id = first$id, at_200 = survival_[, 1], at_500 = survival_[, 2], mean_500 = as.vector(means))[seq(1, nrow(first), 4), ], "pseudo")
write.csv(data.frame(software = c("R", "survival", "cmprsk", "mvtnorm"), version = c(as.character(getRversion()),
  sapply(c("survival", "cmprsk", "mvtnorm"), function(p) as.character(packageVersion(p))))), file.path(out, "observed_versions.csv"), row.names = FALSE, quote = FALSE)
