//! What is known of each setting besides its value: key, variable, unit, default and words for people. The generated page, the example
//! file and the reading of environment variables all come from here, so that none of them can drift.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use prostream_core::net::{AllowedHost, Secret};
use url::Url;

use super::AddressBlock;

/// How the text of an environment variable becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Taken as it is.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Switch,
    /// Texts with commas between.
    List,
    /// TOML text of an array of tables: `[{ url = "…", key = "…" }]`.
    Tables,
}

/// One setting.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Where it stands in the file: `limits.idle_timeout_s`.
    pub key: String,
    /// Words for people, one line each.
    pub docs: &'static [&'static str],
    /// What the value counts, or what it looks like.
    pub unit: &'static str,
    /// The default as it would stand in the file; `None` where there is none.
    pub default: Option<String>,
    /// How the variable is read.
    pub form: Form,
}

impl Setting {
    /// Its environment variable: `PROSTREAM_LIMITS_IDLE_TIMEOUT_S`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("PROSTREAM_{}", self.key.replace('.', "_").to_uppercase())
    }
}

/// The settings of one concern.
#[derive(Clone, Debug)]
pub struct Concern {
    /// Table of the file: `limits`.
    pub section: &'static str,
    /// Words for people, one line each.
    pub about: &'static [&'static str],
    /// The table may stand several times: `[[providers.prowlarr]]`. Its settings have no variable of their own.
    pub is_list: bool,
    /// Its settings, in order.
    pub settings: Vec<Setting>,
}

/// A type that a setting can have.
pub(super) trait Value {
    /// How its variable is read.
    const FORM: Form;
    /// As it would stand in the file; `None` for nothing.
    fn shown(&self) -> Option<String>;
}

macro_rules! value_by_display {
    ($form:ident: $($ty:ty),+) => { $(
        impl Value for $ty {
            const FORM: Form = Form::$form;
            fn shown(&self) -> Option<String> { Some(self.to_string()) }
        }
    )+ };
}
value_by_display!(Number: u32, u64, usize);
value_by_display!(Switch: bool);

macro_rules! value_quoted {
    ($($ty:ty => |$value:ident| $text:expr),+ $(,)?) => { $(
        impl Value for $ty {
            const FORM: Form = Form::Text;
            fn shown(&self) -> Option<String> {
                let $value = self;
                Some(format!("{:?}", $text))
            }
        }
    )+ };
}
value_quoted!(
    String => |value| value,
    PathBuf => |value| value,
    Url => |value| value.as_str(),
    SocketAddr => |value| value.to_string(),
    AddressBlock => |value| value.to_string(),
    AllowedHost => |value| format!("{}:{}", value.host, value.port),
);

impl Value for Secret {
    const FORM: Form = Form::Text;
    /// A secret has no default and is never shown.
    fn shown(&self) -> Option<String> {
        None
    }
}

impl<T: Value> Value for Option<T> {
    const FORM: Form = T::FORM;
    fn shown(&self) -> Option<String> {
        self.as_ref().and_then(Value::shown)
    }
}

impl<T: Value> Value for Vec<T> {
    const FORM: Form = Form::List;
    fn shown(&self) -> Option<String> {
        Some(format!("[{}]", self.iter().filter_map(Value::shown).collect::<Vec<_>>().join(", ")))
    }
}

/// Declares the struct of one concern: fields with words, defaults and units, each written once.
macro_rules! concern {
    (
        $(#[doc = $about:literal])+
        $name:ident at $section:literal {
            $( $(#[doc = $doc:literal])+ $field:ident: $ty:ty = $default:expr, $unit:literal; )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $field: $ty, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }

        impl $name {
            /// What is known of these settings.
            pub(super) fn concern() -> $crate::config::Concern {
                use $crate::config::setting::Value;
                let defaults = Self::default();
                $crate::config::Concern {
                    section: $section,
                    about: &[$($about),+],
                    is_list: false,
                    settings: vec![ $( $crate::config::Setting {
                        key: concat!($section, ".", stringify!($field)).to_owned(),
                        docs: &[$($doc),+],
                        unit: $unit,
                        default: defaults.$field.shown(),
                        form: <$ty as Value>::FORM,
                    }, )* ],
                }
            }
        }
    };
}
pub(super) use concern;

/// The page of all settings, in Markdown.
#[must_use]
pub fn settings_page(concerns: &[Concern]) -> String {
    let mut page = String::from(
        "# Settings\n\n\
         <!-- Generated from the source by a test: change `prostream-server/src/config/`, then run\n\
         `PROSTREAM_WRITE_GENERATED=1 cargo test -p prostream-server --test api generated`. -->\n\n\
         Four sources, each stronger than the one before: the defaults, the file given with `--config`, the environment, flags of the\n\
         command line. A key that does not exist is an error. Lists in the environment have commas between their items; lists of tables\n\
         are written as TOML, such as `PROSTREAM_PROVIDERS_PROWLARR='[{ url = \"http://prowlarr:9696\", key = \"…\" }]'`.\n",
    );
    for concern in concerns {
        let heading =
            if concern.is_list { format!("[[{}]]", concern.section) } else { format!("[{}]", concern.section) };
        let _ = write!(page, "\n## `{heading}`\n\n{}\n\n", joined(concern.about));
        page.push_str("| key | variable | unit or form | default | what it does |\n|---|---|---|---|---|\n");
        for setting in &concern.settings {
            let key = setting.key.rsplit('.').next().unwrap_or(&setting.key);
            let variable = if concern.is_list { "in the list".to_owned() } else { format!("`{}`", setting.variable()) };
            let default = setting.default.as_ref().map_or_else(|| "none".to_owned(), |text| format!("`{text}`"));
            let _ =
                writeln!(page, "| `{key}` | {variable} | {} | {default} | {} |", setting.unit, joined(setting.docs));
        }
    }
    page
}

/// The example file: every setting at its default, commented out.
#[must_use]
pub fn example_file(concerns: &[Concern]) -> String {
    let mut file = String::from(
        "# ProStream: every setting with its default. Uncomment what you change; docs/SETTINGS.md says more.\n\
         # Generated from the source by a test, as docs/SETTINGS.md is.\n",
    );
    for concern in concerns {
        file.push('\n');
        concern.about.iter().for_each(|line| {
            let _ = writeln!(file, "#{line}");
        });
        let (open, close) = if concern.is_list { ("#[[", "]]") } else { ("[", "]") };
        let _ = writeln!(file, "{open}{}{close}", concern.section);
        for setting in &concern.settings {
            setting.docs.iter().for_each(|line| {
                let _ = writeln!(file, "  #{line}");
            });
            let key = setting.key.rsplit('.').next().unwrap_or(&setting.key);
            match &setting.default {
                Some(text) => writeln!(file, "  #{key} = {text}"),
                None => writeln!(file, "  #{key} = \"…\"  # {}; no default", setting.unit),
            }
            .unwrap_or_default();
        }
    }
    file
}

fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
