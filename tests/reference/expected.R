# Expected survival of 200 made-up children from a made-up life table, by survival::survexp.
# Rscript expected.R [OUTDIR]   (writes expected_*.csv beside itself unless told otherwise)
#
# The life table has hazards per day by sex, age (0, 7 and 28 days, then years of 365.241 days) and calendar year
# (cells change on 1 January). Both are drawn with a seed; nothing in them is about a real child or country.
suppressPackageStartupMessages(library(survival))
arguments <- commandArgs(TRUE)
out <- if (length(arguments)) arguments[1] else dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
set.seed(20240229, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")

age_days <- c(0, 7, 28, 365.241 * (1:30))
years <- 1990:2024
starts <- as.Date(paste0(years, "-01-01"))
level <- c(2e-3, 3e-4, 4e-5, 4e-6, 2e-6, exp(seq(log(8e-7), log(3e-6), length.out = length(age_days) - 5)))
rates <- array(0, c(length(age_days), length(years), 2),
               dimnames = list(age = age_days, year = years, sex = c("female", "male")))
for (k in 1:2) rates[, , k] <- outer(level, exp(-0.03 * (years - 1990))) * c(1, 1.25)[k] *
  exp(rnorm(length(level) * length(years), 0, 0.2))
rates <- signif(rates, 6)
table <- structure(rates, dimid = c("age", "year", "sex"), type = c(2, 3, 1),
                   cutpoints = list(age_days, starts, NULL), class = "ratetable")

n <- 200
sex <- sample(c("female", "male"), n, TRUE)
birth <- as.Date("1990-06-01") + sample(0:7300, n, TRUE)
birth[1:12] <- as.Date(c("1992-02-29", "1996-02-29", "2000-02-29", "2004-02-29"))        # birthdays on 1 March
birth[13:20] <- as.Date(paste0(1993:2000, "-01-01"))                                      # birthdays on 1 January
age <- ifelse(runif(n) < 0.15, sample(0:40, n, TRUE), floor(runif(n)^1.3 * 15 * 365))
age[21:24] <- 0                                                                           # diagnosed on the day of birth
diagnosis <- birth + age
diagnosis[25:28] <- as.Date(c("1999-12-31", "2000-01-01", "2003-12-31", "2004-01-01"))    # at the turn of a year
age <- as.integer(diagnosis - birth); age[25:28] <- c(3L, 3L, 2000L, 2000L); birth <- diagnosis - age
time <- pmax(1, round(rexp(n, 1 / 2500))); time <- pmin(time, as.integer(as.Date("2024-12-31") - diagnosis))
children <- data.frame(row = 1:n, sex = sex, age_days = age, diagnosis_date = diagnosis, time = time)

map <- list(age = children$age_days, year = children$diagnosis_date, sex = children$sex)
own <- children[, "row", drop = FALSE]
own$expected_survival <- survexp(time ~ 1, data = children, ratetable = table, method = "individual.s",
                                 rmap = list(age = age_days, year = diagnosis_date, sex = sex))
own$expected_cumulative_hazard <- survexp(time ~ 1, data = children, ratetable = table, method = "individual.h",
                                          rmap = list(age = age_days, year = diagnosis_date, sex = sex))

early <- children[children$diagnosis_date < as.Date("2009-01-01"), ]                      # everybody can be followed 15 years
times <- c(1, 30, 365, 365 * (2:10), 5000)
ederer <- survexp(~ sex, data = early, ratetable = table, method = "ederer", times = times,
                  rmap = list(age = age_days, year = diagnosis_date, sex = sex))
curve <- data.frame(sex = rep(c("female", "male"), each = length(times)), time = rep(ederer$time, 2),
                    patients = rep(c(sum(early$sex == "female"), sum(early$sex == "male")), each = length(times)),
                    expected_survival = as.vector(ederer$surv))

cells <- expand.grid(age_days = age_days, year = years, sex = c("female", "male"))
cells$hazard_per_day <- sprintf("%.6g", as.vector(rates))
number <- function(x) if (is.double(x)) formatC(x, digits = 17, format = "g", width = 1) else x
save <- function(frame, name) write.csv(as.data.frame(lapply(frame, number)), file.path(out, name), row.names = FALSE, quote = FALSE)
children$diagnosis_date <- format(children$diagnosis_date)
save(cells, "expected_life_table.csv"); save(children, "expected_children.csv")
save(own, "expected_individual.csv"); save(curve, "expected_ederer.csv")
write.csv(data.frame(software = c("R", "survival"), version = c(as.character(getRversion()), as.character(packageVersion("survival")))),
          file.path(out, "expected_versions.csv"), row.names = FALSE, quote = FALSE)
