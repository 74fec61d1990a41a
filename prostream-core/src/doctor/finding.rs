use std::time::{Duration, SystemTime};

use serde::Serialize;
use time::OffsetDateTime;

use super::{Answer, Outcome, SLOW_AFTER, words};
use crate::provider::debrid::{Account, Quota};
use crate::provider::{CheckUp, Trouble};
use crate::{Error, ErrorKind};

/// A plan that ends sooner is worth a word.
const PLAN_ENDS_SOON: Duration = Duration::from_secs(7 * DAY_S);
const DAY_S: u64 = 24 * 3600;

/// A quota of which more is used up is worth a word.
const QUOTA_NEARLY_USED: f32 = 0.9;

/// A clock that is further off is worth a word, in seconds: sign-ins and links of services end at times of theirs.
const CLOCK_OFF_S: u64 = 300;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and something should be looked at.
    Warning,
    /// It does not work.
    Failed,
}

/// What a finding is about, in the order in which a person should read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The machine and the program around the engine.
    Server,
    /// A metadata provider.
    Metadata,
    /// An indexer.
    Indexer,
    /// A debrid service.
    Debrid,
    /// A subtitle provider.
    Subtitles,
}

/// One thing that a check-up found, for people. Holds no secret and no path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What it is about.
    pub part: Part,
    /// Which one: a provider's id such as `torznab:home`, or a part of the set-up such as `data.folder`.
    pub about: String,
    /// How it is.
    pub verdict: Verdict,
    /// In a sentence without its end: `it refuses this server's address`.
    pub what: String,
    /// What exactly, where there is more to say.
    pub why: Option<String>,
    /// What a person can do about it; always there unless all is well.
    pub advice: Option<String>,
    /// The kind of the error behind it, where there is one.
    pub code: Option<&'static str>,
    /// When another try makes sense, where the service says so, in seconds.
    pub retry_after_s: Option<u64>,
}

impl Finding {
    /// All is well.
    #[must_use]
    pub fn ok(part: Part, about: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            part,
            about: about.into(),
            verdict: Verdict::Ok,
            what: what.into(),
            why: None,
            advice: None,
            code: None,
            retry_after_s: None,
        }
    }

    /// Something should be looked at.
    #[must_use]
    pub fn warning(part: Part, about: impl Into<String>, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, advice: Some(advice.into()), ..Self::ok(part, about, what) }
    }

    /// Something does not work.
    #[must_use]
    pub fn failed(part: Part, about: impl Into<String>, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Failed, ..Self::warning(part, about, what, advice) }
    }

    /// What exactly.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// What an error means for whoever looks after the settings.
    #[must_use]
    pub fn of_error(part: Part, about: impl Into<String>, error: &Error) -> Self {
        let kind = error.kind();
        let (what, usual) = words::of(error);
        let advice = words::instead(part, kind).or(error.advice()).unwrap_or(usual);
        let finding = Self::failed(part, about, what, advice);
        Self {
            why: error.detail_text().filter(|text| !text.is_empty()).map(str::to_owned),
            code: Some(kind.code()),
            retry_after_s: error
                .retry_after()
                .map(|wait| wait.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX)),
            ..finding
        }
    }

    fn of_trouble(part: Part, about: &str, trouble: &Trouble) -> Self {
        let (what, advice) = (trouble.what.as_ref(), trouble.advice.as_ref());
        let finding = match trouble.is_failure {
            true => Self::failed(part, about, what, advice),
            false => Self::warning(part, about, what, advice),
        };
        Self { why: trouble.why.clone(), ..finding }
    }
}

/// What the answer of a provider means: one finding at least, the worst first.
#[must_use]
pub fn judge(outcome: &Outcome, now: SystemTime) -> Vec<Finding> {
    let about = outcome.provider.as_str();
    let (part, mut findings, well) = match &outcome.answer {
        Answer::Metadata(Err(error)) => return vec![Finding::of_error(Part::Metadata, about, error)],
        Answer::Indexer(Err(error)) => return vec![Finding::of_error(Part::Indexer, about, error)],
        Answer::Debrid(Err(error)) => return vec![Finding::of_error(Part::Debrid, about, error)],
        Answer::Subtitles(Err(error)) => return vec![Finding::of_error(Part::Subtitles, about, error)],
        Answer::Metadata(Ok(check_up)) => (Part::Metadata, troubles(Part::Metadata, about, check_up), has(check_up)),
        Answer::Indexer(Ok(check_up)) => (Part::Indexer, troubles(Part::Indexer, about, check_up), has(check_up)),
        Answer::Subtitles(Ok(check_up)) => (Part::Subtitles, troubles(Part::Subtitles, about, check_up), has(check_up)),
        Answer::Debrid(Ok(account)) => (Part::Debrid, judge_account(about, account, now), plan(account)),
    };
    if part == Part::Indexer && outcome.elapsed > SLOW_AFTER {
        let advice =
            "searches may go on without its releases; look at what makes it slow, or switch off its slowest sites";
        let why = format!("it took more than {} s to say how it is", SLOW_AFTER.as_secs());
        findings.push(Finding::warning(part, about, "it is slow", advice).why(why));
    }
    if findings.is_empty() {
        return vec![Finding::ok(part, about, well)];
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
    findings
}

fn has(check_up: &CheckUp) -> String {
    if check_up.has.is_empty() { "it works".to_owned() } else { format!("it works: {}", check_up.has) }
}

fn troubles(part: Part, about: &str, check_up: &CheckUp) -> Vec<Finding> {
    check_up.troubles.iter().map(|trouble| Finding::of_trouble(part, about, trouble)).collect()
}

fn plan(account: &Account) -> String {
    match account.premium_until.and_then(date) {
        Some(until) => format!("it works: the plan runs until {until}"),
        None => "it works: the plan is running".to_owned(),
    }
}

/// `2031-05-06`, in UTC.
fn date(time: SystemTime) -> Option<String> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let time = OffsetDateTime::from_unix_timestamp(i64::try_from(since.as_secs()).ok()?).ok()?;
    Some(time.date().to_string())
}

fn judge_account(about: &str, account: &Account, now: SystemTime) -> Vec<Finding> {
    let limit = |finding| Finding { code: Some(ErrorKind::AccountLimit.code()), ..finding };
    if !account.is_premium {
        let finding = Finding::failed(
            Part::Debrid,
            about,
            "the account has no running plan",
            "renew the plan at the service, or take the service out of the settings",
        );
        let ended = account.premium_until.filter(|until| *until <= now).and_then(date);
        return vec![limit(match ended {
            Some(ended) => finding.why(format!("it ended on {ended}")),
            None => finding.why("the key is right"),
        })];
    }
    let mut findings = Vec::new();
    if let Some(until) = account.premium_until {
        let left = until.duration_since(now).unwrap_or_default();
        if left <= PLAN_ENDS_SOON {
            let what = match left.as_secs().div_ceil(DAY_S) {
                0 | 1 => "the plan ends within a day".to_owned(),
                days => format!("the plan ends in {days} days"),
            };
            findings.push(Finding::warning(Part::Debrid, about, what, "renew it at the service in time"));
        }
    }
    findings.extend(account.quota.and_then(|quota| judge_quota(about, quota, now)).map(limit));
    findings
}

fn judge_quota(about: &str, quota: Quota, now: SystemTime) -> Option<Finding> {
    let used = quota.used.filter(|used| used.is_finite());
    let blocked_until = quota.blocked_until.filter(|until| *until > now);
    if blocked_until.is_some() || quota.left_bytes == Some(0) || used.is_some_and(|used| used >= 1.0) {
        let advice = "wait until the service grants more, or add another service";
        let finding = Finding::failed(Part::Debrid, about, "the quota is used up", advice);
        let retry_after_s = blocked_until.and_then(|until| until.duration_since(now).ok()).map(|wait| wait.as_secs());
        return Some(Finding { retry_after_s, ..finding });
    }
    let used = used.filter(|used| *used > QUOTA_NEARLY_USED)?;
    // Whole percent, rounded down: 99.9 is not yet all.
    let advice = "when it is used up nothing plays until the service grants more: play less of what is large, or add another service";
    Some(Finding::warning(
        Part::Debrid,
        about,
        format!("{:.0} % of the quota are used up", (used * 100.0).floor()),
        advice,
    ))
}

/// What the clocks of others, `offsets_s` seconds ahead of ours, say of this machine's: nothing while they agree with it to five minutes.
/// The one in the middle counts, so that one that is wrong says nothing among three.
#[must_use]
pub fn judge_clock(offsets_s: &[i64]) -> Option<Finding> {
    let mut sorted = offsets_s.to_vec();
    sorted.sort_unstable();
    let middle = *sorted.get(sorted.len().saturating_sub(1) / 2)?;
    if middle.unsigned_abs() <= CLOCK_OFF_S {
        return None;
    }
    let minutes = middle.unsigned_abs().saturating_add(30) / 60;
    let direction = if middle > 0 { "behind" } else { "ahead of" };
    let whose = if sorted.len() == 1 {
        "the clock of the one service that told its time"
    } else {
        "the clocks of the services"
    };
    let what = format!("the clock of this machine is {minutes} minutes {direction} {whose}");
    let advice = "let the system set its clock (NTP): certificates, sign-ins and links end at the wrong time otherwise";
    Some(Finding::warning(Part::Server, "clock", what, advice))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProviderId;

    fn now() -> SystemTime {
        // 2024-05-13 12:00:00 UTC
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_715_601_600)
    }

    fn days(count: f64) -> Duration {
        Duration::from_secs_f64(count * 86_400.0)
    }

    fn outcome(answer: Answer) -> Outcome {
        Outcome { provider: ProviderId::new("a_service"), elapsed: Duration::from_millis(20), answer }
    }

    fn premium() -> Account {
        Account {
            user_name: "viewer".to_owned(),
            is_premium: true,
            premium_until: Some(now() + days(30.0)),
            quota: None,
        }
    }

    fn of_account(account: Account) -> Vec<(Verdict, String)> {
        let findings = judge(&outcome(Answer::Debrid(Ok(account))), now());
        assert!(findings.iter().all(|finding| finding.advice.is_some() || finding.verdict == Verdict::Ok));
        findings.into_iter().map(|finding| (finding.verdict, finding.what)).collect()
    }

    fn of_quota(quota: Quota) -> Vec<(Verdict, String)> {
        of_account(Account { quota: Some(quota), ..premium() })
    }

    fn told(verdict: Verdict, what: &str) -> Vec<(Verdict, String)> {
        vec![(verdict, what.to_owned())]
    }

    /// Goal: an account is judged by its plan: running, about to end, ended.
    #[test]
    fn plans_are_judged_by_their_end() {
        let until = |until| of_account(Account { premium_until: until, ..premium() });
        assert_eq!(of_account(premium()), told(Verdict::Ok, "it works: the plan runs until 2024-06-12"));
        assert_eq!(until(None), told(Verdict::Ok, "it works: the plan is running"));
        assert_eq!(until(Some(now() + days(7.1)))[0].0, Verdict::Ok);
        assert_eq!(until(Some(now() + days(6.9))), told(Verdict::Warning, "the plan ends in 7 days"));
        assert_eq!(until(Some(now() + days(2.5))), told(Verdict::Warning, "the plan ends in 3 days"));
        assert_eq!(until(Some(now() + days(0.1))), told(Verdict::Warning, "the plan ends within a day"));
        assert_eq!(until(Some(now() - days(3.0))), told(Verdict::Warning, "the plan ends within a day"));
        let ended = Account { is_premium: false, premium_until: Some(now() - days(3.0)), ..premium() };
        let finding = judge(&outcome(Answer::Debrid(Ok(ended.clone()))), now()).remove(0);
        assert_eq!(finding.why.as_deref(), Some("it ended on 2024-05-10"));
        assert_eq!(of_account(ended), told(Verdict::Failed, "the account has no running plan"));
        let far = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(i64::MAX.unsigned_abs()));
        assert_eq!(until(far), told(Verdict::Ok, "it works: the plan is running"), "a date that no calendar has");
    }

    /// Goal: a quota is told before it is used up, however the service tells it.
    #[test]
    fn quotas_are_told_in_time() {
        let used = |used| of_quota(Quota { used: Some(used), ..Quota::default() });
        assert_eq!(used(0.9)[0].0, Verdict::Ok);
        assert_eq!(used(f32::NAN)[0].0, Verdict::Ok);
        assert_eq!(used(0.999), told(Verdict::Warning, "99 % of the quota are used up"));
        assert_eq!(used(1.0), told(Verdict::Failed, "the quota is used up"));
        assert_eq!(used(f32::MAX), told(Verdict::Failed, "the quota is used up"));
        let none_left = Quota { left_bytes: Some(0), ..Quota::default() };
        assert_eq!(of_quota(none_left), told(Verdict::Failed, "the quota is used up"));
        let blocked = |until| of_quota(Quota { blocked_until: Some(until), ..Quota::default() });
        assert_eq!(blocked(now() + days(0.5)), told(Verdict::Failed, "the quota is used up"));
        assert_eq!(blocked(now() - days(0.5))[0].0, Verdict::Ok);
    }

    /// Goal: the worst comes first, and a plan that ends does not hide a quota that did.
    #[test]
    fn the_worst_comes_first() {
        let quota = Quota { used: Some(1.0), ..Quota::default() };
        let both = of_account(Account { premium_until: Some(now() + days(1.5)), quota: Some(quota), ..premium() });
        assert_eq!(both.iter().map(|one| one.0).collect::<Vec<_>>(), [Verdict::Failed, Verdict::Warning]);
    }

    /// Goal: an indexer that answers late is told, a metadata provider is not: nobody goes on without it.
    #[test]
    fn slow_indexers_are_told() {
        let judged = |answer, elapsed| judge(&Outcome { elapsed, ..outcome(answer) }, now()).remove(0).verdict;
        let late = SLOW_AFTER + Duration::from_millis(1);
        assert_eq!(judged(Answer::Indexer(Ok(CheckUp::default())), SLOW_AFTER), Verdict::Ok);
        assert_eq!(judged(Answer::Indexer(Ok(CheckUp::default())), late), Verdict::Warning);
        assert_eq!(judged(Answer::Metadata(Ok(CheckUp::default())), late), Verdict::Ok);
    }

    /// Goal: every kind of error fails with words and advice; the error's own advice goes first, and its wait is passed on.
    #[test]
    fn every_error_has_an_advice() {
        for kind in ErrorKind::ALL {
            let error = || Error::new(kind, "check up").detail("some detail").after(Duration::from_millis(1_500));
            for answer in [Answer::Metadata(Err(error())), Answer::Indexer(Err(error())), Answer::Debrid(Err(error()))]
            {
                let finding = judge(&outcome(answer), now()).remove(0);
                assert_eq!((finding.verdict, finding.code), (Verdict::Failed, Some(kind.code())));
                assert_eq!((finding.why.as_deref(), finding.retry_after_s), (Some("some detail"), Some(2)));
                assert!(!finding.what.is_empty() && finding.advice.is_some(), "{kind:?}");
            }
        }
        let advised = Error::new(ErrorKind::Unauthorized, "check up").advise("do this");
        let finding = judge(&outcome(Answer::Indexer(Err(advised))), now()).remove(0);
        assert_eq!(finding.advice.as_deref(), Some("do this"));
        let unknown = Error::new(ErrorKind::NotFound, "check up").advise("it does not know this title");
        let finding = judge(&outcome(Answer::Metadata(Err(unknown))), now()).remove(0);
        assert_eq!(finding.advice.as_deref(), Some("check its address in the settings"));
    }

    /// Goal: a clock is wrong when most others say so; one that is wrong among three accuses nobody.
    #[test]
    fn a_clock_is_judged_by_the_one_in_the_middle() {
        assert_eq!(judge_clock(&[]), None);
        assert_eq!(judge_clock(&[300]), None);
        assert_eq!(judge_clock(&[0, -86_400, 2]), None);
        assert_eq!(judge_clock(&[0, 86_400]), None);
        let what = |offsets: &[i64]| judge_clock(offsets).map(|finding| finding.what);
        let alone = "the clock of this machine is 120 minutes behind the clock of the one service that told its time";
        assert_eq!(what(&[7_199]).as_deref(), Some(alone));
        let ahead = "the clock of this machine is 10 minutes ahead of the clocks of the services";
        assert_eq!(what(&[-601, -599, 0]).as_deref(), Some(ahead));
        assert!(what(&[i64::MIN]).is_some());
    }
}
