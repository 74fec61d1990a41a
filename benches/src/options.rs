//! Arguments of the benches.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use crate::Error;

/// What a bench was told.
#[derive(Debug)]
pub struct Options {
    /// `--short`: a small film and few runs, to see that everything still works; nothing is judged.
    pub is_short: bool,
    /// `--prostream PATH`: the program; without it the one beside the bench.
    pub prostream: PathBuf,
    /// `--set KEY=VALUE`, any number of times: settings of the server.
    pub settings: Vec<String>,
    flags: HashSet<String>,
    values: HashMap<String, String>,
}

impl Options {
    /// Reads the arguments of this process. `flags` and `values` are the further ones that the bench knows, with their dashes.
    ///
    /// # Errors
    /// An argument is unknown or lacks its value, or the program is missing.
    pub fn read(flags: &[&str], values: &[&str]) -> Result<Self, Error> {
        let mut options = Self {
            is_short: false,
            prostream: std::env::current_exe()?.with_file_name("prostream"),
            settings: Vec::new(),
            flags: HashSet::new(),
            values: HashMap::new(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{name} needs a value"));
            match name.as_str() {
                "--short" => options.is_short = true,
                "--prostream" => options.prostream = value()?.into(),
                "--set" => options.settings.push(value()?),
                _ if flags.contains(&name.as_str()) => {
                    options.flags.insert(name);
                }
                _ if values.contains(&name.as_str()) => {
                    let value = value()?;
                    options.values.insert(name, value);
                }
                _ => return Err(format!("unknown argument {name}").into()),
            }
        }
        if !options.prostream.is_file() {
            let path = options.prostream.display();
            return Err(format!("{path} is missing: build it, or name another with --prostream").into());
        }
        Ok(options)
    }

    /// Was this flag given?
    #[must_use]
    pub fn has(&self, flag: &str) -> bool {
        self.flags.contains(flag)
    }

    /// The value of an argument.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The value of an argument that is a number.
    ///
    /// # Errors
    /// It is none.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Error> {
        let number = self.text(name).map(str::parse).transpose();
        number.map_err(|_| format!("{name} needs a number").into())
    }
}
