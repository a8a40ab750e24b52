//! Makes certificates for the links between nodes.

use std::process::ExitCode;

use super::arguments::{Certs, CertsCommand};
use super::failure::Failure;
use super::out;

/// Makes an authority and certificates for a try; a company's own authority serves as well.
pub(crate) fn certs(certs: &Certs) -> Result<ExitCode, Failure> {
    let CertsCommand::New { dir, nodes, hosts } = &certs.command;
    enabler_link::certs::write(dir, nodes, hosts).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Failure::Plain(format!("{error}{cause}"))
    })?;
    out::note(&format!("authority   {}", dir.join("authority.pem").display()));
    for node in nodes {
        let files = enabler_link::certs::files(dir, node);
        out::note(&format!("{node:<11} {} and {}", files.certificate.display(), files.key.display()));
    }
    Ok(ExitCode::SUCCESS)
}
