//! `prostream user`: the people who may sign in.

use std::io::{self, BufRead};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use prostream_core::{Error, ErrorKind, Result};
use serde_json::json;

use super::output::Output;
use super::serve::{load, open_data};
use super::settings::SettingsArgs;
use crate::auth::{Role, random_password};

/// Arguments of `user`.
#[derive(Debug, Args)]
pub(super) struct UserArgs {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add somebody. Without --password-stdin a password is made up and printed once.
    Add {
        /// Name to sign in with.
        name: String,
        /// What he or she may do.
        #[arg(long, value_enum, default_value = "user")]
        role: RoleArg,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
        /// Folder of the database and the signing key, in place of `data.folder`.
        #[arg(long, value_name = "FOLDER")]
        data: Option<PathBuf>,
        #[command(flatten)]
        settings: SettingsArgs,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleArg {
    /// Searches and plays.
    User,
    /// May also manage the server.
    Admin,
}

pub(super) async fn run(args: UserArgs, output: &Output) -> Result<()> {
    let UserCommand::Add { name, role, password_stdin, data, settings } = args.command;
    let config = load(&settings, None, data.as_deref())?;
    let (password, made_up) = if password_stdin { (read_password()?, None) } else { made_up_password()? };
    let (_, accounts) = open_data(&config).await?;
    let role = match role {
        RoleArg::User => Role::User,
        RoleArg::Admin => Role::Admin,
    };
    let id = accounts.add_user(&name, &password, role).await?;
    if output.is_json() {
        return output.object(&json!({ "user_id": id, "name": name, "password": made_up }));
    }
    output.line(&format!("{name} can sign in now."))?;
    match made_up {
        Some(password) => output.line(&format!("Password, shown this once: {password}")),
        None => Ok(()),
    }
}

fn made_up_password() -> Result<(String, Option<String>)> {
    let password = random_password()?;
    Ok((password.clone(), Some(password)))
}

fn read_password() -> Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, "read password").advise("give it as one line of UTF-8").because(error)
    })?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}
