//! Configuration: one struct per concern, read from the defaults, a file, the environment and flags, each stronger than the one before.
//!
//! ```
//! use prostream_server::config::Config;
//! let environment = [("PROSTREAM_LISTEN_ADDRESSES".to_owned(), "127.0.0.1:0,[::1]:0".to_owned())];
//! let config = Config::load(None, environment, &[("limits.idle_timeout_s", "30")]).unwrap();
//! assert_eq!(config.listen.addresses.len(), 2);
//! assert_eq!(config.limits.idle_timeout_s, 30);
//! ```

mod address_block;
mod concerns;
mod ranking;
mod setting;

use std::path::Path;

use prostream_core::release::Preferences;
use prostream_core::{Error, ErrorKind, Result};
use serde::Deserialize;

pub use address_block::AddressBlock;
pub use concerns::{
    Auth, Cache, Cinemeta, Cors, Data, DebridAccount, Exception, Library, Limits, Listen, LocalFolder, OpenSubtitles,
    Outbound, Providers, Prowlarr, Ranking, SignIn, Tmdb, Torznab,
};
pub use setting::{Concern, Form, Setting, example_file, settings_page};

/// Every variable of ours starts with this.
const VARIABLE_PREFIX: &str = "PROSTREAM_";

/// Variables with our prefix that are no settings: of the command line, the build and the tests.
const OTHER_VARIABLES: [&str; 4] =
    ["PROSTREAM_CONFIG", "PROSTREAM_LOG", "PROSTREAM_PLAYER_LIBRARY", "PROSTREAM_WRITE_GENERATED"];

/// Largest configuration file.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the server listens and how it is reached.
    pub listen: Listen,
    /// Where data is kept.
    pub data: Data,
    /// What several servers share.
    pub cache: Cache,
    /// What may be reached from here.
    pub outbound: Outbound,
    /// Films on this machine.
    pub library: Library,
    /// What releases are ranked by.
    pub ranking: Ranking,
    /// Pages of other origins.
    pub cors: Cors,
    /// Who may sign in.
    pub auth: Auth,
    /// Signing in at debrid services.
    pub sign_in: SignIn,
    /// How much a client may take.
    pub limits: Limits,
    /// Outside services.
    pub providers: Providers,
}

impl Config {
    /// What is known of every setting, in order of the page.
    #[must_use]
    pub fn concerns() -> Vec<Concern> {
        let mut concerns = vec![
            Listen::concern(),
            Data::concern(),
            Cache::concern(),
            Outbound::concern(),
            Library::concern(),
            Ranking::concern(),
            Cors::concern(),
            Auth::concern(),
            SignIn::concern(),
            Limits::concern(),
            Tmdb::concern(),
            Cinemeta::concern(),
            OpenSubtitles::concern(),
            Prowlarr::concern(),
            Torznab::concern(),
            LocalFolder::concern(),
        ];
        concerns.extend(DebridAccount::concerns());
        concerns
    }

    /// Reads all sources and checks the result. `environment` is usually [`std::env::vars`]; variables of others in it are ignored.
    /// `flags` are keys with values in the form of an environment variable.
    ///
    /// # Errors
    /// `InvalidInput`, naming the source and the key, for what is malformed, unknown or out of range; `NotFound` for a missing file.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[(&str, &str)],
    ) -> Result<Self> {
        let mut builder = config::Config::builder();
        if let Some(path) = file {
            builder = builder.add_source(config::File::from_str(&read_file(path)?, config::FileFormat::Toml));
        }
        let known = variables();
        for (variable, text) in environment {
            if !variable.starts_with(VARIABLE_PREFIX) || OTHER_VARIABLES.contains(&variable.as_str()) {
                continue;
            }
            let Some(setting) = known.iter().find(|known| known.variable == variable) else {
                return Err(
                    wrong(format!("{variable} is not a setting")).advise("docs/SETTINGS.md lists every variable")
                );
            };
            builder =
                builder.set_override(&setting.key, value_of(&text, setting.form, &variable)?).map_err(unreadable)?;
        }
        for (key, text) in flags {
            let form = known.iter().find(|known| known.key == *key).map(|known| known.form);
            let form = form.ok_or_else(|| wrong(format!("{key} is not a setting")))?;
            builder = builder.set_override(*key, value_of(text, form, key)?).map_err(unreadable)?;
        }
        let config: Self = builder.build().and_then(config::Config::try_deserialize).map_err(unreadable)?;
        config.check()?;
        Ok(config)
    }

    /// What releases are ranked by: the file that is named, or the defaults.
    ///
    /// # Errors
    /// `InvalidInput`, naming what is malformed, unknown or out of range in it; `NotFound` for a missing file.
    pub fn preferences(&self) -> Result<Preferences> {
        self.ranking.file.as_deref().map_or_else(|| Ok(Preferences::default()), ranking::read)
    }

    /// Checks what the types alone cannot.
    ///
    /// # Errors
    /// `InvalidInput`, naming the key and what would be right.
    pub fn check(&self) -> Result<()> {
        let at_least = |key: &str, value: u64, least: u64| {
            if value < least { Err(wrong(format!("{key} is {value}: it must be at least {least}"))) } else { Ok(()) }
        };
        if self.listen.addresses.is_empty() {
            return Err(wrong("listen.addresses is empty").advise("name at least one address, such as 127.0.0.1:8420"));
        }
        if let Some(url) = &self.listen.public_url {
            check_web_address("listen.public_url", url)?;
        }
        if !(60..=900).contains(&self.auth.access_token_life_s) {
            return Err(wrong("auth.access_token_life_s must be from 60 to 900"));
        }
        at_least("auth.password_memory_kib", self.auth.password_memory_kib.into(), 19_456)?;
        at_least("auth.password_passes", self.auth.password_passes.into(), 2)?;
        at_least("auth.refresh_idle_s", self.auth.refresh_idle_s.into(), 60)?;
        at_least("auth.refresh_life_s", self.auth.refresh_life_s.into(), 60)?;
        if self.auth.password_memory_kib > 1 << 20 || self.auth.password_passes > 20 {
            return Err(wrong(
                "auth.password_memory_kib and auth.password_passes would make each sign-in take seconds",
            ));
        }
        let limits = &self.limits;
        at_least("limits.connections", limits.connections.unwrap_or(usize::MAX) as u64, 1)?;
        at_least("limits.body_size_bytes", limits.body_size_bytes as u64, 1024)?;
        for (key, value) in [
            ("limits.first_byte_timeout_s", limits.first_byte_timeout_s),
            ("limits.header_timeout_s", limits.header_timeout_s),
            ("limits.idle_timeout_s", limits.idle_timeout_s),
            ("limits.body_timeout_s", limits.body_timeout_s),
            ("limits.write_timeout_s", limits.write_timeout_s),
            ("limits.login_per_account", limits.login_per_account),
            ("limits.login_per_address", limits.login_per_address),
            ("limits.api_per_user", limits.api_per_user),
            ("limits.search_per_user", limits.search_per_user),
            ("limits.public_per_address", limits.public_per_address),
            ("limits.media_per_address", limits.media_per_address),
            ("limits.addon_per_token", limits.addon_per_token),
            ("limits.addon_per_address", limits.addon_per_address),
        ] {
            at_least(key, value.into(), 1)?;
        }
        at_least("limits.connections_per_address", limits.connections_per_address as u64, 1)?;
        if !(10..=10_000).contains(&self.cache.redis_timeout_ms) {
            return Err(wrong("cache.redis_timeout_ms must be from 10 to 10000"));
        }
        self.cache.redis().map_err(|error| {
            let detail = error.detail_text().unwrap_or_default().to_owned();
            wrong(format!("cache.redis_url: {detail}")).advise("write redis://host:6379, or redis+unix:///path")
        })?;
        self.cors.allowed_origins.iter().try_for_each(|origin| check_origin(origin))?;
        self.check_providers()
    }

    fn check_providers(&self) -> Result<()> {
        let providers = &self.providers;
        for (key, url) in [
            ("providers.tmdb.base_url", providers.tmdb.base_url.as_ref()),
            ("providers.cinemeta.base_url", providers.cinemeta.base_url.as_ref()),
            ("providers.opensubtitles.base_url", providers.opensubtitles.base_url.as_ref()),
        ]
        .into_iter()
        .chain(providers.prowlarr.iter().map(|entry| ("providers.prowlarr.url", Some(&entry.url))))
        .chain(providers.torznab.iter().map(|entry| ("providers.torznab.url", Some(&entry.url))))
        {
            url.map_or(Ok(()), |url| check_web_address(key, url))?;
        }
        check_names("providers.prowlarr", providers.prowlarr.iter().map(|entry| &entry.name))?;
        check_names("providers.torznab", providers.torznab.iter().map(|entry| &entry.name))?;
        check_names("providers.local_folder", providers.local_folder.iter().map(|entry| &entry.name))?;
        for (vendor, accounts) in providers.debrid() {
            let section = format!("providers.{vendor}");
            let key = format!("{section}.base_url");
            accounts
                .iter()
                .filter_map(|entry| entry.base_url.as_ref())
                .try_for_each(|url| check_web_address(&key, url))?;
            check_names(&section, accounts.iter().map(|entry| &entry.name))?;
            if accounts.iter().any(|entry| entry.key.is_some() == entry.key_file.is_some()) {
                return Err(wrong(format!("[[{section}]] has to have either key or key_file")));
            }
        }
        Ok(())
    }
}

/// What the environment and flags can set.
struct Variable {
    variable: String,
    key: String,
    form: Form,
}

fn variables() -> Vec<Variable> {
    Config::concerns()
        .into_iter()
        .flat_map(|concern| {
            if concern.is_list {
                let key = concern.section.to_owned();
                let variable = format!("{VARIABLE_PREFIX}{}", key.replace('.', "_").to_uppercase());
                return vec![Variable { variable, key, form: Form::Tables }];
            }
            let of = |setting: Setting| Variable { variable: setting.variable(), form: setting.form, key: setting.key };
            concern.settings.into_iter().map(of).collect()
        })
        .collect()
}

fn read_file(path: &Path) -> Result<String> {
    let failed = |error: std::io::Error| {
        let kind = if error.kind() == std::io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Storage };
        Error::new(kind, "read configuration file").detail(path.display().to_string()).because(error)
    };
    if std::fs::metadata(path).map_err(failed)?.len() > MAX_FILE_BYTES {
        return Err(wrong("the configuration file is larger than 1 MiB"));
    }
    std::fs::read_to_string(path).map_err(failed)
}

fn value_of(text: &str, form: Form, source: &str) -> Result<config::Value> {
    let value = |kind: config::ValueKind| config::Value::new(Some(&source.to_owned()), kind);
    Ok(match form {
        Form::Text => value(text.into()),
        Form::Number => {
            let number: i64 = text.trim().parse().map_err(|_| wrong(format!("{source} is not a whole number")))?;
            value(number.into())
        }
        Form::Switch => {
            let switch: bool = text.trim().parse().map_err(|_| wrong(format!("{source} is neither true nor false")))?;
            value(switch.into())
        }
        Form::List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            value(config::ValueKind::Array(items.map(|item| value(item.into())).collect()))
        }
        Form::Tables => {
            let toml = config::File::from_str(&format!("list = {text}"), config::FileFormat::Toml);
            let read = config::Config::builder().add_source(toml).build();
            read.and_then(|read| read.get::<config::Value>("list")).map_err(|_| {
                wrong(format!("{source} is not a TOML array of tables")).advise("write [{ key = \"value\" }]")
            })?
        }
    })
}

fn check_web_address(key: &str, url: &url::Url) -> Result<()> {
    let is_plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    if is_plain { Ok(()) } else { Err(wrong(format!("{key} must be an http or https address without a login in it"))) }
}

fn check_origin(origin: &str) -> Result<()> {
    let parsed = url::Url::parse(origin).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    if parsed.is_some_and(|url| url.origin().ascii_serialization() == origin) {
        return Ok(());
    }
    Err(wrong(format!("cors.allowed_origins: {origin:?} is not an origin"))
        .advise("write https://tv.example, without a path"))
}

fn check_names<'a>(key: &str, names: impl Iterator<Item = &'a Option<String>>) -> Result<()> {
    let mut seen: Vec<Option<&str>> = Vec::new();
    for name in names.map(Option::as_deref) {
        if let Some(name) = name {
            format!("vendor:{name}")
                .parse::<prostream_core::model::ProviderId>()
                .map_err(|_| wrong(format!("{key}.name {name:?} may hold letters, digits, '-', '_' and '.'")))?;
        }
        if seen.contains(&name) {
            return Err(wrong(format!("{key}: two entries have the same name")).advise("give each its own name"));
        }
        seen.push(name);
    }
    Ok(())
}

fn wrong(detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, "read configuration").detail(detail.into())
}

fn unreadable(error: config::ConfigError) -> Error {
    wrong(error.to_string()).advise("docs/SETTINGS.md lists every setting with its form and default")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// Goal: defaults < file < environment < flags.
    /// Method: four settings, each set by one more source than the one before.
    #[test]
    fn later_sources_win() {
        let file = file("[limits]\nheader_timeout_s = 1\nidle_timeout_s = 1\nbody_timeout_s = 1\n");
        let environment = environment(&[
            ("PROSTREAM_LIMITS_IDLE_TIMEOUT_S", "2"),
            ("PROSTREAM_LIMITS_BODY_TIMEOUT_S", "2"),
            ("HOME", "/"),
        ]);
        let limits = Config::load(Some(file.path()), environment, &[("limits.body_timeout_s", "3")]).unwrap().limits;
        let read = (limits.first_byte_timeout_s, limits.header_timeout_s, limits.idle_timeout_s, limits.body_timeout_s);
        assert_eq!(read, (5, 1, 2, 3));
    }

    /// Goal: a typing error never passes in silence.
    /// Method: unknown keys and wrong values in every source; the message names them.
    #[test]
    fn unknown_and_wrong_settings_are_named() {
        for (text, named) in [
            ("[limits]\nidle_timeout = 3\n", "idle_timeout"),
            ("[limit]\nidle_timeout_s = 3\n", "limit"),
            ("[auth]\naccess_token_life_s = 9000\n", "access_token_life_s"),
            ("[auth]\npassword_memory_kib = 8\n", "password_memory_kib"),
            ("[cors]\nallowed_origins = [\"*\"]\n", "allowed_origins"),
            ("[cors]\nallowed_origins = [\"null\"]\n", "allowed_origins"),
            ("[outbound]\nallow = [\"prowlarr\"]\n", "prowlarr"),
            ("[[providers.prowlarr]]\nurl = \"ftp://x\"\nkey = \"k\"\n", "providers.prowlarr.url"),
            ("[listen]\naddresses = [\"nowhere\"]\n", "addresses"),
            ("[cache]\nredis_url = \"http://:hidden@redis\"\n", "cache.redis_url"),
            ("[cache]\nredis_url = \"rediss://:hidden@redis\"\n", "cache.redis_url"),
            ("[cache]\nredis_timeout_ms = 1\n", "cache.redis_timeout_ms"),
        ] {
            let error = Config::load(Some(file(text).path()), [], &[]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
            assert!(error.to_string().contains(named), "{text}: {error}");
            assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
        }
        for (name, value) in [("PROSTREAM_LIMITS_IDLE", "3"), ("PROSTREAM_LIMITS_IDLE_TIMEOUT_S", "soon")] {
            let error = Config::load(None, environment(&[(name, value)]), &[]).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
        assert!(Config::load(None, [], &[("limits.idle", "3")]).is_err());
    }

    /// Goal: a list of providers can come from the file or from one variable, and no key is ever printed.
    #[test]
    fn providers_come_from_file_or_environment() {
        let text = "[[providers.prowlarr]]\nurl = \"http://prowlarr:9696\"\nkey = \"hidden\"\n";
        let from_file = Config::load(Some(file(text).path()), [], &[]).unwrap();
        let variable =
            environment(&[("PROSTREAM_PROVIDERS_PROWLARR", "[{ url = \"http://prowlarr:9696\", key = \"hidden\" }]")]);
        let from_environment = Config::load(None, variable, &[]).unwrap();
        assert_eq!(from_file, from_environment);
        assert!(!format!("{from_file:?}").contains("hidden"));
    }

    /// Goal: each variable sets one setting.
    #[test]
    fn variables_are_distinct() {
        let mut names: Vec<String> = variables().into_iter().map(|known| known.variable).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    /// Goal: the example file is a file the server reads, and says nothing but the defaults.
    /// Method: uncomment every line that has a default; the result equals the defaults.
    #[test]
    fn the_example_file_holds_the_defaults() {
        let example = example_file(&Config::concerns());
        let as_it_is = Config::load(Some(file(&example).path()), [], &[]).unwrap();
        assert_eq!(as_it_is, Config::default());
        let set: String = example
            .lines()
            .filter(|line| !line.contains("no default") && !line.starts_with("#"))
            .map(|line| {
                line.strip_prefix("  #").filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned() + "\n"
            })
            .collect();
        assert_eq!(Config::load(Some(file(&set).path()), [], &[]).unwrap(), Config::default());
    }
}
