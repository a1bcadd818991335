# Reference results for states that follow one another: Aalen-Johansen with the infinitesimal jackknife of R's survfit.
# Rscript states.R [OUTDIR]   (reads children.csv beside itself, writes states_*.csv there unless told otherwise)
suppressPackageStartupMessages(library(survival))
arguments <- commandArgs(TRUE)
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
out <- if (length(arguments)) arguments[1] else here
d <- read.csv(file.path(here, "children.csv"), stringsAsFactors = FALSE)
number <- function(x) if (is.double(x)) formatC(x, digits = 15, format = "g", width = 1) else x
put <- function(x, name) write.csv(as.data.frame(lapply(x, number)), file.path(out, paste0("states_", name, ".csv")), row.names = FALSE, quote = FALSE)

# Days of remission and relapse follow from id and time; half of them are rounded to tens, for ties.
day <- function(tenths, some) { x <- (d$time * tenths) %/% 10; x <- ifelse(d$id %% 2 == 0, x %/% 10 * 10, x); ifelse(some & x > 0, x, NA) }
remission <- day(1 + d$id %% 4, d$id %% 5 != 0)
relapse <- day(5 + d$id %% 6, d$id %% 3 == 0)
put(data.frame(id = d$id, remission = remission, relapse = relapse), "days")

# One row a stretch: of states that begin on one day only the last is occupied.
states <- c("censored", "remission", "relapse", "death")
stretches <- do.call(rbind, lapply(seq_len(nrow(d)), function(i) {
  at <- c(remission[i], relapse[i], if (d$event[i]) d$time[i] else NA); to <- 1:3
  to <- to[!is.na(at)]; at <- at[!is.na(at)]
  keep <- !duplicated(at, fromLast = TRUE); to <- to[keep]; at <- at[keep]
  start <- c(0, at); end <- c(at, d$time[i]); from <- c(0, to); status <- c(to, 0)
  s <- data.frame(id = d$id[i], start = start, end = end, from = from, status = status, group = d$group[i], entry = d$entry[i])
  s[s$start < s$end, ] }))
stretches$state <- factor(stretches$status, 0:3, states)
stretches$from <- factor(stretches$from, 0:3, c("diagnosis", states[-1]))
rows <- function(case, f) { n <- if (is.null(f$strata)) length(f$time) else f$strata
  group <- if (is.null(f$strata)) "all" else rep(sub("^group=", "", names(f$strata)), n)
  do.call(rbind, lapply(seq_along(f$states), function(k) data.frame(case = case, group = group, state = f$states[k], time = f$time,
    at_risk = f$n.risk[, k], probability = f$pstate[, k], std_error = f$std.err[, k]))) }
plain <- survfit(Surv(start, end, state) ~ 1, stretches, id = id, istate = from)
groups <- survfit(Surv(start, end, state) ~ group, stretches, id = id, istate = from)
late <- stretches; late$start <- pmax(late$start, late$entry); late <- late[late$start < late$end, ]
entry <- survfit(Surv(start, end, state) ~ 1, late, id = id, istate = from, p0 = c(1, 0, 0, 0))
result <- rbind(rows("plain", plain), rows("groups", groups), rows("entry", entry))
put(result, "occupation")
write.csv(data.frame(software = c("R", "survival"), version = c(as.character(getRversion()), as.character(packageVersion("survival")))),
  file.path(out, "states_versions.csv"), row.names = FALSE, quote = FALSE)
