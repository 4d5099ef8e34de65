//! `keyward plan sign`, and what `apply` asks of signatures.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::report::{json, text};
use crate::signature::{self, Approver, Signer};

use super::super::Exit;
use super::super::context::Context;

const EXAMPLES: &str = "\
Keys are those of openssl, which can sign and check as well:
  openssl genpkey -algorithm ed25519 -out alice.key
  openssl pkey -in alice.key -pubout -out alice.pub

Examples:
  keyward plan sign plan.json --key alice.key
  keyward apply --plan plan.json --require-signature --public-key alice.pub --yes";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The plan, as plan --out wrote it
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// Sign with this ed25519 private key (PEM), which nobody else may be able to read
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Add the signature to this file [default: PLAN.sig]
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
}

/// Signs a plan, and says what was signed.
pub(crate) fn run(context: &Context, args: &Args) -> Result<Exit> {
    let (bytes, plan) = read(&args.plan)?;
    let signer = Signer::from_pem(&private(&args.key)?, &args.key.display().to_string())?;
    let line = signer.sign(&bytes);
    let file = args.signature.clone().unwrap_or_else(|| beside(&args.plan));
    let mut text = existing(&file)?.unwrap_or_default();
    if !text.lines().any(|former| former.trim() == line) {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&line);
        text.push('\n');
        super::write_whole(&file, &text)?;
    }
    context.note(&format!("{}: {}", args.plan.display(), text::signed(&plan)));
    context.note(&format!("signed by {} in {}", signer.approver().id(), file.display()));
    Ok(Exit::Done)
}

/// Which signatures a plan must have.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Required {
    /// Refuse a plan that isn't signed by each --public-key
    #[arg(long, requires = "public_key", requires = "plan")]
    require_signature: bool,
    /// Ask for the signature of this ed25519 public key (PEM); give it again for each who must have signed
    #[arg(long, value_name = "FILE", requires = "plan")]
    public_key: Vec<PathBuf>,
    /// Read the signatures from this file [default: PLAN.sig]
    #[arg(long, value_name = "FILE", requires = "public_key")]
    signature: Option<PathBuf>,
}

impl Required {
    /// Reads a plan, and checks the signatures over the very bytes that were read; returns it with the keys that signed it. A public key alone asks for
    /// its signature too.
    pub(in crate::cli) fn read(&self, context: &Context, path: &Path) -> Result<(Plan, Vec<String>)> {
        let name = path.display().to_string();
        if self.public_key.is_empty() {
            return read(path).map(|(_, plan)| (plan, Vec::new()));
        }
        let bytes = bytes(path)?;
        let keys = self.public_key.iter().map(|key| {
            let text = std::fs::read_to_string(key)
                .map_err(|error| Error::usage(format!("can't read the public key {}", key.display())).with_source(error))?;
            Approver::from_pem(&text, &key.display().to_string())
        });
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let signatures = match &self.signature {
            Some(file) => Some(existing(file)?.ok_or_else(|| Error::usage(format!("there is no file {}", file.display())))?),
            None => existing(&beside(path))?,
        };
        // Before anything of it is looked at.
        signature::check(&bytes, &name, signatures.as_deref(), &keys)?;
        let plan = parse(&bytes, &name)?;
        let signers: Vec<_> = keys.iter().map(Approver::id).collect();
        for signer in &signers {
            context.note(&format!("{name} is signed by {signer}"));
        }
        Ok((plan, signers))
    }
}

/// Reads a plan that `plan --out` wrote.
pub(in crate::cli) fn read(path: &Path) -> Result<(Vec<u8>, Plan)> {
    let bytes = bytes(path)?;
    let plan = parse(&bytes, &path.display().to_string())?;
    Ok((bytes, plan))
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::usage(format!("can't read the plan {}", path.display())).with_source(error))
}

fn parse(bytes: &[u8], name: &str) -> Result<Plan> {
    let text = std::str::from_utf8(bytes).map_err(|error| Error::usage(format!("{name} is not a plan")).with_source(error))?;
    json::read_plan(text, name)
}

/// Reads a private key, unless others may read it too.
fn private(path: &Path) -> Result<String> {
    let failed =
        |error: std::io::Error| Error::usage(format!("can't read the private key {}", path.display())).with_source(error);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    let mode = found.permissions().mode() & 0o777;
    // A pipe has no name that others could open.
    if found.is_file() && mode & 0o077 != 0 && text.contains("PRIVATE KEY") {
        return Err(Error::refused(format!("the private key {} may be read by others (its mode is {mode:o})", path.display()))
            .with_hint(format!("chmod 600 {}; if others may have read it, make a new one", path.display())));
    }
    Ok(text)
}

/// Reads a file that may not be there.
fn existing(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::usage(format!("can't read {}", path.display())).with_source(error)),
    }
}

/// Returns where the signatures of a plan are, unless told.
fn beside(plan: &Path) -> PathBuf {
    let mut name = plan.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}
