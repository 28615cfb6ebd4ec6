//! What a token's signature is over: lines whose order follows from the token's kind and version.
//!
//! Sources: "Create an account SAS", "Create a service SAS", "Create a user delegation SAS": construct the signature string.
//!
//! # Invariants
//! - A parameter of the token that its layout does not sign is refused: who found the token could have added it.
//! - No field holds a control character, so no two tokens have one text.

use http::HeaderMap;

use super::super::failure;
use super::token::{NAMES, OVERRIDES, Token};
use super::version::{
    ADDRESS_AND_PROTOCOL, AGENTS, DELEGATED_USER, ENCRYPTION_SCOPE, OVERRIDES_SINCE, REQUEST_PARTS, RESOURCE,
    SERVICE_IN_PATH,
};
use crate::front::azure::wire::asked::Asked;
use crate::front::azure::wire::refusal::Refusal;

/// The lines, and the parameters that they sign.
struct Lines<'t> {
    token: &'t Token,
    lines: Vec<String>,
    signed: Vec<&'static str>,
}

impl<'t> Lines<'t> {
    fn new(token: &'t Token) -> Self {
        Self { token, lines: Vec::new(), signed: vec!["sig"] }
    }

    fn fields(&mut self, names: &[&'static str]) -> &mut Self {
        for name in names {
            self.lines.push(self.token.value(name).to_owned());
            self.signed.push(name);
        }
        self
    }

    fn line(&mut self, line: String) -> &mut Self {
        self.lines.push(line);
        self
    }

    /// The text, if nothing is left unsigned.
    fn text(&self) -> Result<String, Refusal> {
        match NAMES.iter().find(|name| !self.token.value(name).is_empty() && !self.signed.contains(name)) {
            Some(name) => Err(failure::sas(&format!("{name} does not belong to this kind and version of signature"))),
            None => Ok(self.lines.join("\n")),
        }
    }
}

/// Of an account SAS. There is a line break at its end.
pub(super) fn account(token: &Token, account: &str) -> Result<String, Refusal> {
    let mut lines = Lines::new(token);
    lines.line(account.to_owned()).fields(&["sp", "ss", "srt", "st", "se", "sip", "spr", "sv"]);
    if token.version >= ENCRYPTION_SCOPE {
        lines.fields(&["ses"]);
    }
    lines.line(String::new()).text()
}

/// Of a service SAS for a container or for something in it.
pub(super) fn service(token: &Token, asked: &Asked<'_>) -> Result<String, Refusal> {
    let mut lines = Lines::new(token);
    lines.fields(&["sp", "st", "se"]).line(resource(token, asked)?).fields(&["si"]);
    if token.version >= ADDRESS_AND_PROTOCOL {
        lines.fields(&["sip", "spr"]);
    }
    lines.fields(&["sv"]);
    if token.version >= RESOURCE {
        lines.fields(&["sr"]).line(moment(token, asked)?);
    } else {
        // Unsigned, but the resource says it: one with a blob is never that of a container.
        lines.signed.push("sr");
    }
    if token.version >= ENCRYPTION_SCOPE {
        lines.fields(&["ses"]);
    }
    if token.version >= OVERRIDES_SINCE {
        lines.fields(&OVERRIDES);
    }
    lines.text()
}

/// Of a user delegation SAS.
pub(super) fn delegation(token: &Token, asked: &Asked<'_>) -> Result<String, Refusal> {
    let mut lines = Lines::new(token);
    lines.fields(&["sp", "st", "se"]).line(resource(token, asked)?);
    lines.fields(&["skoid", "sktid", "skt", "ske", "sks", "skv"]);
    if token.version >= AGENTS {
        lines.fields(&["saoid", "suoid", "scid"]);
    }
    if token.version >= DELEGATED_USER {
        lines.fields(&["skdutid", "sduoid"]);
    }
    lines.fields(&["sip", "spr", "sv", "sr"]).line(moment(token, asked)?);
    if token.version >= ENCRYPTION_SCOPE {
        lines.fields(&["ses"]);
    }
    if token.version >= REQUEST_PARTS {
        lines.line(request_headers(token, asked.headers)?).line(request_parameters(token, asked)?);
        lines.signed.extend(["srh", "srq"]);
    }
    lines.fields(&OVERRIDES).text()
}

/// `/blob/account/container/blob`, decoded, always with the primary account.
fn resource(token: &Token, asked: &Asked<'_>) -> Result<String, Refusal> {
    let target = &asked.target;
    let container = target.container.as_deref().ok_or_else(|| failure::sas("the signature is for a container"))?;
    let mut text = format!("/{}/{container}", target.account);
    if token.value("sr") != "c" {
        let blob = target.blob.as_deref().ok_or_else(|| failure::sas("the signature is for a blob"))?;
        text.push('/');
        text.push_str(blob);
    }
    if text.contains(char::is_control) {
        return Err(failure::sas("a name with a control character"));
    }
    Ok(if token.version >= SERVICE_IN_PATH { format!("/blob{text}") } else { text })
}

/// The snapshot or the version that the signature is for: the one that the request names.
fn moment(token: &Token, asked: &Asked<'_>) -> Result<String, Refusal> {
    let name = match token.value("sr") {
        "bs" => "snapshot",
        "bv" => "versionid",
        _ => return Ok(String::new()),
    };
    let value = asked.parameter(name).filter(|value| !value.is_empty() && !value.contains(char::is_control));
    value.map(str::to_owned).ok_or_else(|| failure::sas("the signature is for a snapshot or version that is not named"))
}

/// The headers that `srh` names, as the request has them: `name:value` and a line break each.
fn request_headers(token: &Token, headers: &HeaderMap) -> Result<String, Refusal> {
    let mut text = String::new();
    for name in names(token.value("srh")) {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        let value = value.ok_or_else(|| failure::sas("a header that is signed is not in the request"))?;
        text.push_str(&format!("{name}:{value}\n"));
    }
    Ok(text)
}

/// The parameters that `srq` names, as the request has them: a line break and `name:value` each.
fn request_parameters(token: &Token, asked: &Asked<'_>) -> Result<String, Refusal> {
    let mut text = String::new();
    for name in names(token.value("srq")) {
        let mut found = asked.query.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let (Some((_, value)), None) = (found.next(), found.next()) else {
            return Err(failure::sas("a parameter that is signed is not in the request once"));
        };
        if value.contains(char::is_control) {
            return Err(failure::sas("a control character"));
        }
        text.push_str(&format!("\n{name}:{value}"));
    }
    Ok(text)
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter(|name| !name.is_empty())
}
