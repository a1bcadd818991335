# Reference results of R survival for tests/regression.  Run in this folder: Rscript cox.R
# Simulates cox_input.csv (invented patients, seeded) and writes cox_*.csv; versions are in cox_versions.csv.
suppressPackageStartupMessages(library(survival))
set.seed(20240517, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
n <- 260
age <- round(runif(n, 0, 15), 1)
sex <- sample(c("female", "male"), n, TRUE)
stage <- sample(c("I", "II", "III"), n, TRUE, c(.4, .35, .25))
site <- sample(c("east", "north", "south", "west"), n, TRUE)
hospital <- sample(1:35, n, TRUE)
risk <- exp(0.04 * age + 0.3 * (sex == "male") + 0.5 * (stage == "II") + 1.1 * (stage == "III") + 0.4 * rnorm(35)[hospital])
death <- rexp(n, 0.10 * risk); censored <- runif(n, 0.5, 14)
time <- ceiling(4 * pmin(death, censored)); event <- as.integer(death <= censored)   # quarters of a year: many ties
entry <- ifelse(runif(n) < 0.6, 0, floor(runif(n) * time)); entry <- pmin(entry, time - 1)
frequency <- sample(1:3, n, TRUE); share <- round(runif(n, 0.3, 2.5), 2); shift <- round(rnorm(n, 0, 0.4), 2)
d <- data.frame(age, sex, stage, site, hospital, entry, time, event, frequency, share, shift)
write.csv(d, "cox_input.csv", row.names = FALSE, quote = FALSE)

full <- function(x) if (is.numeric(x)) ifelse(is.na(x), "", sprintf("%.15g", x)) else as.character(x)
save <- function(parts, name) { x <- do.call(rbind, parts); x[] <- lapply(x, full); write.csv(x, name, row.names = FALSE, quote = FALSE) }
S1 <- "Surv(time, event)"; S2 <- "Surv(entry, time, event)"
cases <- list()
add <- function(case, ...) cases[[case]] <<- list(...)
for (ties in c("efron", "breslow")) {
  add(paste("plain", ties), left = S1, right = "age + sex * stage", ties = ties)
  add(paste("strata", ties), left = S1, right = "age + sex + stage + strata(site)", ties = ties)
  add(paste("frequency", ties), left = S1, right = "age + sex + stage", ties = ties, weights = "frequency")
  add(paste("offset", ties), left = S1, right = "age + sex + stage + offset(shift)", ties = ties)
  add(paste("entry", ties), left = S2, right = "age + sex + stage", ties = ties)
  add(paste("robust", ties), left = S1, right = "age + sex + stage", ties = ties, robust = TRUE)
  add(paste("cluster", ties), left = S1, right = "age + sex + stage", ties = ties, cluster = "hospital")
  add(paste("everything", ties), left = S2, right = "age + sex + stage + strata(site) + offset(shift)", ties = ties, weights = "share", cluster = "hospital")
}
# coxph's own robust score test sets the offset to 0; this is the same statistic at the null model with its offset.
robust_score <- function(f, formula, k) {
  null <- coxph(formula, d, weights = w_, ties = k$ties, cluster = c_, init = 0 * coef(f), control = coxph.control(iter.max = 0))
  u <- residuals(null, "score", collapse = d$c_, weighted = TRUE)
  drop(colSums(u) %*% solve(crossprod(u), colSums(u)))
}
coefs <- stats <- rows <- events <- base <- curves <- zph <- list()
for (case in names(cases)) {
  k <- cases[[case]]
  d$w_ <- if (is.null(k$weights)) 1 else as.numeric(d[[k$weights]])
  d$c_ <- if (is.null(k$cluster)) seq_len(n) else d[[k$cluster]]
  sandwich <- !is.null(k$cluster) || isTRUE(k$robust)
  control <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 50)
  formula <- as.formula(paste(k$left, "~", k$right))
  f <- if (sandwich) coxph(formula, d, weights = w_, ties = k$ties, cluster = c_, control = control) else
    coxph(formula, d, weights = w_, ties = k$ties, robust = FALSE, control = control)
  s <- summary(f); term <- names(coef(f))
  coefs[[case]] <- data.frame(case, term, coef = coef(f), std_error = sqrt(diag(f$var)), model_std_error = sqrt(diag(if (sandwich) f$naive.var else f$var)))
  stats[[case]] <- data.frame(case, log_likelihood_null = f$loglik[1], log_likelihood = f$loglik[2], likelihood_ratio = s$logtest[[1]], wald = f$wald.test[[1]], score = s$sctest[[1]],
    robust_score = if (sandwich) robust_score(f, formula, k) else NA, concordance = s$concordance[[1]], concordance_std_error = s$concordance[[2]])
  sc <- residuals(f, "score"); db <- residuals(f, "dfbeta", weighted = TRUE); pick <- seq(1, n, 6)
  colnames(sc) <- paste0("score_", seq_along(term)); colnames(db) <- paste0("dfbeta_", seq_along(term))
  r <- data.frame(case, row = seq_len(n), martingale = residuals(f, "martingale"), deviance = residuals(f, "deviance"), sc, db)
  for (j in setdiff(1:6, seq_along(term))) { r[[paste0("score_", j)]] <- NA; r[[paste0("dfbeta_", j)]] <- NA }
  rows[[case]] <- r[pick, c("case", "row", "martingale", "deviance", paste0("score_", 1:6), paste0("dfbeta_", 1:6))]
  if (sub(" .*", "", case) %in% c("frequency", "entry", "everything")) {
    se <- residuals(f, "schoenfeld"); sd <- residuals(f, "scaledsch")
    st <- if (is.null(attr(se, "strata"))) rep("", nrow(se)) else rep(names(attr(se, "strata")), attr(se, "strata"))
    colnames(se) <- paste0("schoenfeld_", 1:4); colnames(sd) <- paste0("scaled_", 1:4)
    events[[case]] <- data.frame(case, stratum = st, time = as.numeric(rownames(residuals(f, "schoenfeld"))), se, sd)
  }
  new <- data.frame(age = c(0, 5, 12), sex = c("female", "male", "female"), stage = c("I", "III", "II"), site = c("east", "south", "west"), shift = c(0, 0.3, -0.2))
  for (i in 1:3) {
    p <- summary(survfit(f, newdata = new[i, ], conf.type = "log"), times = c(2, 6, 13.5, 20, 36), extend = TRUE)
    curves[[paste(case, i)]] <- data.frame(case, profile = i, time = p$time, estimate = as.vector(p$surv), std_error = as.vector(p$std.err), lower = as.vector(p$lower), upper = as.vector(p$upper))
  }
  z <- survfit(f, newdata = transform(new[1, ], shift = 0)); keep <- z$n.event > 0
  base[[case]] <- data.frame(case, time = z$time, cumulative_hazard = z$cumhaz, std_error = z$std.chaz)[keep, ]
  for (how in c("km", "rank", "identity", "log")) {
    t <- cox.zph(f, transform = how)$table
    zph[[paste(case, how)]] <- data.frame(case, transform = how, term = rownames(t), statistic = t[, 1], df = t[, 2], p_value = t[, 3])
  }
}
save(coefs, "cox_coef.csv"); save(stats, "cox_stats.csv"); save(rows, "cox_residuals.csv"); save(events, "cox_schoenfeld.csv")
save(base, "cox_baseline.csv"); save(curves, "cox_survival.csv"); save(zph, "cox_proportional_hazards.csv")
x <- c(0, 0.5, 1, 2, 3.3, 4, 7, 9, 10); beyond <- c(-2, 13)
basis <- function(name, b) data.frame(case = name, x = c(x, beyond), rbind(matrix(b, nrow(b)), matrix(predict(b, beyond), 2)))
a <- basis("df 3", splines::ns(x, 3)); b <- basis("knots 1 5 6", splines::ns(x, knots = c(1, 5, 6)))
a$X4 <- NA; save(list(a, b), "cox_splines.csv")
write.csv(data.frame(software = c("R", "survival"), version = c(as.character(getRversion()), as.character(packageVersion("survival")))), "cox_versions.csv", row.names = FALSE, quote = FALSE)
