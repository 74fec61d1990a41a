//! `prostream sign-in`: a key for a debrid service by a code that its owner types on the service's page.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, SystemTime};

use clap::Args;
use prostream_core::net::Call;
use prostream_core::provider::debrid::{DebridConfig, DebridSignIn, Grant, SignInPrompt, SignInState};
use prostream_core::{Error, ErrorKind, Result};
use serde_json::json;
use tokio::time::Instant;
use url::Url;

use super::doctor::waiting;
use super::output::{Output, printable};
use super::settings::SettingsArgs;
use super::wait_for_signal;
use crate::providers;
use crate::sign_in::{HeldKey, KeyPlace, shown};

/// Longest wait for one answer of the service.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Shortest and longest wait between two questions, whatever the service says.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
const MAX_INTERVAL: Duration = Duration::from_secs(120);

/// How much slower to ask after a complaint of too many requests. Source: RFC 8628 section 3.5.
const SLOWER_BY: Duration = Duration::from_secs(5);

const OPERATION: &str = "sign in";

/// Arguments of `sign-in`.
#[derive(Debug, Args)]
#[command(
    after_help = "The key is printed once on standard output, and written nowhere; with --write it goes into a file that only you can read and is not printed. Keys of Real-Debrid and Debrid-Link end after about a day: use --write with them, and name the file as `key_file` \
    in the settings; the server then renews the key by itself. Premiumize and Debrid-Link sign in only programs that you have registered \
    there (settings sign_in.premiumize_client_id and sign_in.debrid_link_client_id).\n\nExamples:\n  \
    prostream sign-in alldebrid\n  \
    prostream sign-in real_debrid --write /srv/prostream/real_debrid.json\n  \
    prostream sign-in torbox --json      two lines: the address with the code, then the key\n  \
    prostream doctor real_debrid         afterwards: does the key work?"
)]
pub(super) struct SignInArgs {
    /// Where: alldebrid, real_debrid, premiumize, debrid_link or torbox.
    #[arg(value_name = "SERVICE")]
    service: String,
    /// Write the key, and what renews it, into this file (mode 0600) in place of printing it.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Another address of the service, for tests.
    #[arg(long, value_name = "URL")]
    base_url: Option<Url>,
    #[command(flatten)]
    settings: SettingsArgs,
}

pub(super) async fn run(args: SignInArgs, output: &Output) -> Result<()> {
    let service = vendor(&args.service)?;
    let config = args.settings.load(&[])?;
    let (http, _) = providers::engine(&config)?;
    let sign_in = DebridConfig::sign_in(service, args.base_url, config.sign_in.client_id(service)?, &http)?;
    // Before the code is asked for: a key that cannot be kept would be granted in vain.
    let place = args.write.as_deref().map(|path| KeyPlace::for_sign_in(path, service)).transpose()?;

    let prompt = sign_in.begin(&Call::within(ANSWER_LIMIT)).await?;
    let left = prompt.expires_at.duration_since(SystemTime::now()).unwrap_or_default();
    show_prompt(output, service, &prompt, left)?;
    let grant = wait_for_grant(sign_in.as_ref(), &prompt, left, wait_for_signal()).await;
    let grant = grant.map_err(|error| match error.kind() {
        ErrorKind::Unauthorized => error.advise(format!(
            "the code was declined or has ended: run `prostream sign-in {service}` again, type the new code on the page and agree there"
        )),
        _ => error,
    })?;
    let held = HeldKey::granted(grant, SystemTime::now());
    let Some(place) = place else { return show_grant(output, service, &held, None) };
    let path = place.path().to_owned();
    if let Err(error) = place.keep(&held, service) {
        // It was granted, and is not to be lost.
        show_grant(output, service, &held, None)?;
        return Err(error);
    }
    show_grant(output, service, &held, Some(&path))
}

/// The vendor that is meant, also by `Real-Debrid`.
fn vendor(name: &str) -> Result<&'static str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', '.', ' '], "");
    DebridConfig::VENDORS.into_iter().find(|vendor| plain(vendor) == plain(name)).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, OPERATION)
            .detail(format!("nobody can sign in at {name}"))
            .advise(format!("there are {}", DebridConfig::VENDORS.join(", ")))
    })
}

/// Asks until the owner has agreed, the code has ended, or `stop`. A question that is under way is always answered: a key may be handed out
/// only once.
async fn wait_for_grant(
    sign_in: &dyn DebridSignIn,
    prompt: &SignInPrompt,
    left: Duration,
    stop: impl Future<Output = ()>,
) -> Result<Grant> {
    let mut stop = pin!(stop);
    let now = Instant::now();
    let end = now.checked_add(left).unwrap_or(now);
    let mut interval = prompt.interval.clamp(MIN_INTERVAL, MAX_INTERVAL);
    let mut pause = interval;
    loop {
        let now = Instant::now();
        let next = now.checked_add(pause).unwrap_or(now).min(end);
        tokio::select! {
            biased;
            () = &mut stop => {
                let stopped = "stopped before its owner has agreed: nothing was kept, and the code ends by itself";
                return Err(Error::new(ErrorKind::Cancelled, OPERATION).detail(stopped));
            }
            () = tokio::time::sleep_until(next) => {}
        }
        pause = interval;
        let trouble = match sign_in.poll(&Call::within(ANSWER_LIMIT), prompt).await {
            Ok(SignInState::Granted(grant)) => return Ok(grant),
            Ok(SignInState::Waiting) => None,
            Err(error) if error.kind().is_transient() => {
                if error.kind() == ErrorKind::RateLimited {
                    interval = interval.saturating_add(SLOWER_BY).min(MAX_INTERVAL);
                }
                pause = error.retry_after().unwrap_or_default().max(interval);
                tracing::warn!(%error, "asked again while the code lives");
                Some(error)
            }
            Err(error) => return Err(error),
        };
        if Instant::now() >= end {
            // Where the service was away at the end, that is the reason.
            return Err(trouble.unwrap_or_else(|| {
                Error::new(ErrorKind::Unauthorized, OPERATION).detail("the code has ended and nobody has agreed")
            }));
        }
    }
}

fn show_prompt(output: &Output, service: &str, prompt: &SignInPrompt, left: Duration) -> Result<()> {
    if output.is_json() {
        return output.object(&json!({
            "service": service,
            "url": prompt.url,
            "user_code": prompt.user_code,
            "expires_in_s": left.as_secs(),
            "interval_s": prompt.interval.as_secs(),
        }));
    }
    output.line("Open this page and agree there:\n")?;
    output.line(&format!("  page  {}", prompt.url))?;
    output.line(&format!("  code  {}\n", printable(&prompt.user_code)))?;
    output.line(&format!("The code lives for {}. Waiting … (Ctrl+C stops; nothing is kept.)", waiting(left.as_secs())))
}

fn show_grant(output: &Output, service: &str, held: &HeldKey, file: Option<&Path>) -> Result<()> {
    let expires_at = held.expires_at.map(shown);
    if output.is_json() {
        let mut told = json!({ "service": service, "expires_at": expires_at, "is_renewable": held.renewal.is_some() });
        match file {
            Some(path) => told["file"] = json!(path),
            None => told["key"] = json!(held.key.expose()),
        }
        return output.object(&told);
    }
    output.line(&format!("\nSigned in at {service}."))?;
    let field = match file {
        Some(path) => {
            output
                .line("\nThe key is in this file, which only you can read; the server has to run as the same user.")?;
            format!("key_file = {:?}", path.display().to_string())
        }
        None => {
            output.line("\nThe key, shown this once:\n")?;
            output.line(&format!("  {}", printable(held.key.expose())))?;
            "key = \"THE KEY ABOVE\"".to_owned()
        }
    };
    output.line(&format!("\nPut this into prostream.toml:\n\n  [[providers.{service}]]\n  {field}\n"))?;
    let variable = service.to_uppercase();
    output.line(&format!("or into the environment:\n\n  PROSTREAM_PROVIDERS_{variable}='[{{ {field} }}]'\n"))?;
    output.line(&match (&expires_at, &held.renewal, file) {
        (None, ..) => "It lasts until you withdraw it on the service's page.".to_owned(),
        (Some(end), Some(_), Some(_)) => {
            format!("It ends at {end}; a running server renews it before, and writes the next one into the file.")
        }
        (Some(end), Some(_), None) => format!(
            "It ends at {end}, and has to be replaced before. To have the server renew it by itself, sign in with --write FILE instead."
        ),
        (Some(end), None, _) => format!("It ends at {end} and cannot be renewed: sign in again before."),
    })?;
    output.line(&format!("Then start the server anew; `prostream doctor {service}` says whether the key works."))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::future;
    use std::sync::Mutex;

    use async_trait::async_trait;
    use prostream_core::net::Secret;

    use super::*;

    /// Answers from a list, and `Waiting` when it is at its end; keeps when it was asked.
    #[derive(Debug)]
    struct Answers {
        begun: Instant,
        answers: Mutex<VecDeque<Result<SignInState>>>,
        asked_at_s: Mutex<Vec<u64>>,
    }

    #[async_trait]
    impl DebridSignIn for Answers {
        async fn begin(&self, _call: &Call) -> Result<SignInPrompt> {
            Err(Error::new(ErrorKind::Unsupported, "test"))
        }

        async fn poll(&self, _call: &Call, _prompt: &SignInPrompt) -> Result<SignInState> {
            self.asked_at_s.lock().unwrap().push(self.begun.elapsed().as_secs());
            self.answers.lock().unwrap().pop_front().unwrap_or(Ok(SignInState::Waiting))
        }

        async fn renew(&self, _call: &Call, _renewal: &Secret) -> Result<Grant> {
            Err(Error::new(ErrorKind::Unsupported, "test"))
        }
    }

    /// What comes of these answers to a code that lives for a minute, and after how many seconds was asked.
    async fn outcome(answers: Vec<Result<SignInState>>, stop: impl Future<Output = ()>) -> (Result<Grant>, Vec<u64>) {
        let sign_in =
            Answers { begun: Instant::now(), answers: Mutex::new(answers.into()), asked_at_s: Mutex::default() };
        let prompt = SignInPrompt {
            user_code: "ABCD".to_owned(),
            url: "https://service.example/pin".parse().unwrap(),
            device_code: Secret::new("d3vice"),
            interval: Duration::from_secs(10),
            expires_at: SystemTime::UNIX_EPOCH,
        };
        let grant = wait_for_grant(&sign_in, &prompt, Duration::from_secs(60), stop).await;
        (grant, sign_in.asked_at_s.into_inner().unwrap())
    }

    fn granted() -> Result<SignInState> {
        Ok(SignInState::Granted(Grant { key: Secret::new("k3y"), expires_at: None, renewal: None }))
    }

    fn failed(kind: ErrorKind) -> Result<SignInState> {
        Err(Error::new(kind, "look at sign-in"))
    }

    /// Goal: it asks at the prompt's pace, slower for good after a complaint, and goes on through what passes.
    #[tokio::test(start_paused = true)]
    async fn trouble_that_passes_ends_nothing() {
        let (grant, asked) = outcome(
            vec![
                Ok(SignInState::Waiting),
                failed(ErrorKind::Unavailable),
                failed(ErrorKind::RateLimited),
                Ok(SignInState::Waiting),
                granted(),
            ],
            future::pending(),
        )
        .await;
        assert_eq!(grant.unwrap().key.expose(), "k3y");
        assert_eq!(asked, [10, 20, 30, 45, 60]);
        let told: Vec<_> =
            vec![Err(Error::new(ErrorKind::RateLimited, "test").after(Duration::from_secs(40))), granted()];
        assert_eq!(outcome(told, future::pending()).await.1, [10, 50]);
    }

    /// Goal: a code that ends is asked about once more, and then told as ended, or what was in the way; a declined one ends at once.
    #[tokio::test(start_paused = true)]
    async fn a_code_ends() {
        let (grant, asked) = outcome(Vec::new(), future::pending()).await;
        assert_eq!((grant.unwrap_err().kind(), asked), (ErrorKind::Unauthorized, vec![10, 20, 30, 40, 50, 60]));
        let away = (0..9).map(|_| failed(ErrorKind::Unavailable)).collect();
        assert_eq!(outcome(away, future::pending()).await.0.unwrap_err().kind(), ErrorKind::Unavailable);
        let (grant, asked) = outcome(vec![failed(ErrorKind::Unauthorized)], future::pending()).await;
        assert_eq!((grant.unwrap_err().kind(), asked), (ErrorKind::Unauthorized, vec![10]));
    }

    /// Goal: whoever stops is not kept waiting, and no question is cut off.
    #[tokio::test(start_paused = true)]
    async fn it_can_be_stopped() {
        let (grant, asked) = outcome(Vec::new(), tokio::time::sleep(Duration::from_secs(25))).await;
        assert_eq!((grant.unwrap_err().kind(), asked), (ErrorKind::Cancelled, vec![10, 20]));
    }

    /// Goal: services are found however people write them; an unknown one is told with those that exist.
    #[test]
    fn services_have_many_spellings() {
        for (name, expected) in [("real_debrid", "real_debrid"), ("Real-Debrid", "real_debrid"), ("TorBox", "torbox")] {
            assert_eq!(vendor(name).unwrap(), expected);
        }
        let error = vendor("nowhere").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(DebridConfig::VENDORS.iter().all(|vendor| error.advice().unwrap().contains(vendor)));
    }
}
