# Person-years, deaths, expected deaths and exact limits of their ratio for the 200 made-up children of expected.R.
# Rscript person_time.R [OUTDIR]   (reads expected_children.csv and look_up_life_table.csv beside itself)
#
# Every third child is taken for dead. Cells are of attained age (365.25 days a year), calendar period and time since
# diagnosis, by sex; survival::pyears shares follow-up out, poisson.test gives the limits.
suppressPackageStartupMessages(library(survival))
arguments <- commandArgs(TRUE)
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
out <- if (length(arguments)) arguments[1] else here
children <- read.csv(file.path(here, "expected_children.csv"), stringsAsFactors = FALSE)
children$diagnosis_date <- as.Date(children$diagnosis_date)
children$event <- as.integer(children$row %% 3 == 0)
cells <- read.csv(file.path(here, "look_up_life_table.csv"), stringsAsFactors = FALSE)
ages <- sort(unique(cells$age)); years <- sort(unique(cells$year)); sexes <- c("female", "male")
rates <- array(cells$rate[order(match(cells$sex, sexes), cells$year, cells$age)] / 365.25, c(length(ages), length(years), 2),
               dimnames = list(age = ages, year = years, sex = sexes))
table <- structure(rates, dimid = c("age", "year", "sex"), type = c(2, 3, 1),
                   cutpoints = list(365.25 * ages, as.Date(paste0(years, "-01-01")), NULL), class = "ratetable")
children$age <- tcut(children$age_days, 365.25 * c(0, 1, 5, 10, 15, 200), labels = c(0, 1, 5, 10, 15))
children$period <- tcut(children$diagnosis_date, as.Date(paste0(c(1900, 2000, 2010, 2100), "-01-01")), labels = c(1900, 2000, 2010))
children$since <- tcut(rep(0, nrow(children)), 365.25 * c(0, 1, 5, 200), labels = c(0, 1, 5))
result <- pyears(Surv(time, event) ~ sex + age + period + since, data = children, ratetable = table, scale = 365.25,
                 rmap = list(age = age_days, year = diagnosis_date, sex = sex), data.frame = TRUE)$data
ratios <- do.call(rbind, lapply(split(result, result$sex), function(part) {
  expected <- sum(part$expected); deaths <- sum(part$event)
  limits <- poisson.test(deaths, T = expected)$conf.int
  data.frame(sex = part$sex[1], person_years = sum(part$pyears), deaths = deaths, expected_deaths = expected,
             smr = deaths / expected, lower = limits[1], upper = limits[2])
}))
limits <- do.call(rbind, lapply(c(0, 1, 2, 7, 30, 1000), function(count) {
  own <- sapply(c(0.9, 0.95, 0.99), function(level) poisson.test(count, conf.level = level)$conf.int)
  data.frame(count = count, level = c(0.9, 0.95, 0.99), lower = own[1, ], upper = own[2, ])
}))
number <- function(x) if (is.double(x)) formatC(x, digits = 17, format = "g", width = 1) else x
save <- function(frame, name) write.csv(as.data.frame(lapply(frame, number)), file.path(out, name), row.names = FALSE, quote = FALSE)
save(result, "person_time_cells.csv"); save(ratios, "person_time_ratios.csv"); save(limits, "person_time_poisson_limits.csv")
write.csv(data.frame(software = c("R", "survival"), version = c(as.character(getRversion()), as.character(packageVersion("survival")))),
          file.path(out, "person_time_versions.csv"), row.names = FALSE, quote = FALSE)
