# Reference results for crude mortality, the test of net survival and expected numbers at risk from R's relsurv.
# Rscript net_family.R, in this folder, after python make_input.py; writes net_family_*.csv and net_family_versions.txt.
suppressPackageStartupMessages({library(survival); library(relsurv)})
d <- read.csv("children.csv", stringsAsFactors = FALSE)
d$diagnosis_date <- as.Date(d$diagnosis_date)
d$sexn <- ifelse(d$sex == "male", 1, 2)
put <- function(x, name) write.csv(format(x, digits = 15, trim = TRUE, scientific = NA), paste0("net_family_", name, ".csv"), row.names = FALSE, quote = FALSE)
lt <- read.csv("life_table.csv")
p <- function(s) { x <- lt[lt$sex == s, ]; 1 - matrix(x$qx[order(x$year, x$age)], nrow = 31, dimnames = list(0:30, 1998:2019)) }
rt <- transrate(p("male"), p("female"), yearlim = c(1998, 2019), int.length = 1)

# Two moments inside days: curves step there too. cmp.rel stops with an error where everybody has died, so it ends before.
moments <- c(500.25, 1000.7)
wanted <- c(1, 30, 100, 365, 500.25, 731, 1000.7, 1200)
crude <- list()
for (g in c("all", sort(unique(d$group)))) { own <- if (g == "all") d else d[d$group == g, ]
  f <- cmp.rel(Surv(time, event) ~ 1, data = own, ratetable = rt, tau = 1200, add.times = moments, rmap = list(age = age_days, sex = sexn, year = diagnosis_date))
  for (cause in c("causeSpec", "population")) { o <- f[[cause]]; i <- match(wanted, o$time)
    crude[[length(crude) + 1]] <- data.frame(group = g, cause = ifelse(cause == "causeSpec", "disease", cause), time = wanted,
      estimate = o$est[i], variance = o$var[i], area = o$area)[!is.na(i), ] } }
put(do.call(rbind, crude), "crude")

test <- function(case, formula) { f <- rs.diff(formula, data = d, ratetable = rt, rmap = list(age = age_days, sex = sexn, year = diagnosis_date))
  data.frame(case = case, statistic = as.numeric(f$test.stat), df = as.numeric(f$df), p_value = as.numeric(f$p.value)) }
put(rbind(test("group", Surv(time, event) ~ group), test("sex", Surv(time, event) ~ sexn),
  test("group in strata", Surv(time, event) ~ group + strata(stratum))), "test")

years <- c(1, 2.5, 5)
n <- nessie(Surv(time, event) ~ group, data = d, ratetable = rt, times = years, rmap = list(age = age_days, sex = sexn, year = diagnosis_date))
# Its last element is the table that it prints.
table <- n[[length(n)]]
put(data.frame(group = sub("^group=?", "", rownames(table)), years = rep(c(0, years), each = nrow(table)), expected = unlist(table[, 1:4]),
  life_years = rep(table$c.exp.surv, 4)), "at_risk")
writeLines(c(R.version.string, paste("survival", packageVersion("survival")), paste("relsurv", packageVersion("relsurv"))), "net_family_versions.txt")
