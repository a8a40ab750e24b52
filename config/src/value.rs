//! Turns what somebody wrote into a setting's value, or says what is wrong with it.

use crate::key::Kind;

/// A setting's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A whole number; for sizes, in bytes.
    Whole(u64),
    /// A text, a choice, an address or a path.
    Text(String),
    /// A text that is never shown.
    Secret(String),
    /// A list of names.
    Names(Vec<String>),
    /// Yes or no.
    Flag(bool),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text}"),
            Self::Secret(text) if text.is_empty() => Ok(()),
            Self::Secret(_) => write!(f, "(hidden)"),
            Self::Names(names) => write!(f, "{}", names.join(",")),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// A value as it was written: a text from the environment or a flag, or a typed value from a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Written {
    Text(String),
    Whole(i128),
    List(Vec<String>),
    Flag(bool),
    Other(&'static str),
}

/// Reads `written` as `kind`; the error is the end of a sentence that begins with the setting's name.
pub(crate) fn read(kind: Kind, written: &Written) -> Result<Value, String> {
    match (kind, written) {
        (Kind::Whole { min, max }, Written::Whole(number)) => within(*number, min, max, "").map(Value::Whole),
        (Kind::Whole { min, max }, Written::Text(text)) => match text.trim().parse::<i128>() {
            Ok(number) => within(number, min, max, "").map(Value::Whole),
            Err(_) => Err(format!("must be a whole number from {min} to {max}, not {text:?}")),
        },
        (Kind::Bytes { min, max }, Written::Whole(number)) => {
            within(*number, min, max, " bytes").map(Value::Whole)
        }
        (Kind::Bytes { min, max }, Written::Text(text)) => match size(text) {
            Some(number) => within(number, min, max, " bytes").map(Value::Whole),
            None => Err(format!("must be a size such as 50MB, 64MiB or 1048576, not {text:?}")),
        },
        (Kind::Text | Kind::Path, Written::Text(text)) if text.trim().is_empty() => {
            Err("must not be empty".into())
        }
        (Kind::Text | Kind::Path, Written::Text(text)) => Ok(Value::Text(text.clone())),
        (Kind::Flag, Written::Flag(flag)) => Ok(Value::Flag(*flag)),
        (Kind::Flag, Written::Text(text)) => match text.trim() {
            "true" => Ok(Value::Flag(true)),
            "false" => Ok(Value::Flag(false)),
            other => Err(format!("must be true or false, not {other:?}")),
        },
        (Kind::Choice(words), Written::Text(text)) if words.contains(&text.as_str()) => {
            Ok(Value::Text(text.clone()))
        }
        (Kind::Choice(words), Written::Text(text)) => {
            Err(format!("must be one of {}, not {text:?}", words.join(", ")))
        }
        (Kind::Socket, Written::Text(text)) if text.parse::<std::net::SocketAddr>().is_ok() => {
            Ok(Value::Text(text.clone()))
        }
        (Kind::Socket, Written::Text(text)) => {
            Err(format!("must be an address and port such as 127.0.0.1:8080, not {text:?}"))
        }
        (Kind::Free | Kind::FreePath, Written::Text(text)) => Ok(Value::Text(text.trim().to_owned())),
        (Kind::Secret, Written::Text(text)) => Ok(Value::Secret(text.trim().to_owned())),
        (Kind::Name, Written::Text(text)) => node_name(text).map(Value::Text),
        (Kind::Words(words), Written::List(names)) => some_of(words, names.iter().map(String::as_str)),
        (Kind::Words(words), Written::Text(text)) => some_of(words, text.split([',', '+']).map(str::trim)),
        (Kind::Hosts, Written::List(hosts)) => host_list(hosts.iter().map(String::as_str)),
        (Kind::Hosts, Written::Text(text)) => host_list(text.split(',').map(str::trim)),
        (Kind::Networks, Written::List(networks)) => network_list(networks.iter().map(String::as_str)),
        (Kind::Networks, Written::Text(text)) => network_list(text.split(',').map(str::trim)),
        (Kind::Names, Written::List(names)) => name_list(names.iter().map(String::as_str)),
        (Kind::Names, Written::Text(text)) => name_list(text.split([',', '+']).map(str::trim)),
        (kind, written) => Err(format!("must be {}, not {}", wanted(kind), got(written))),
    }
}

fn within(number: i128, min: u64, max: u64, unit: &str) -> Result<u64, String> {
    match u64::try_from(number) {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        _ => Err(format!("must be from {min} to {max}{unit}, not {number}")),
    }
}

fn name_list<'a>(names: impl Iterator<Item = &'a str>) -> Result<Value, String> {
    let names: Vec<String> = names.map(str::to_owned).collect();
    let well_formed =
        |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if names.is_empty() || !names.iter().all(well_formed) {
        return Err("must be one or more names of letters and digits, such as por,eng".into());
    }
    Ok(Value::Names(names))
}

/// A node's name: it stands in certificates, keys and links.
fn node_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() || text.len() > 63 || text.starts_with('-') || !text.chars().all(fits) {
        return Err(format!(
            "must be 1 to 63 small letters, digits and `-`, not beginning with `-`, not {text:?}"
        ));
    }
    Ok(text.to_owned())
}

fn some_of<'a>(words: &[&str], written: impl Iterator<Item = &'a str>) -> Result<Value, String> {
    let mut chosen: Vec<String> = Vec::new();
    for word in written {
        if !words.contains(&word) {
            return Err(format!("must be one or more of {}, not {word:?}", words.join(", ")));
        }
        if !chosen.iter().any(|own| own == word) {
            chosen.push(word.to_owned());
        }
    }
    if chosen.is_empty() {
        Err(format!("must be one or more of {}", words.join(", ")))
    } else {
        Ok(Value::Names(chosen))
    }
}

fn host_list<'a>(hosts: impl Iterator<Item = &'a str>) -> Result<Value, String> {
    let hosts: Vec<String> = hosts.filter(|host| !host.is_empty()).map(str::to_owned).collect();
    let well_formed = |host: &String| {
        host.rsplit_once(':').is_some_and(|(name, port)| !name.is_empty() && port.parse::<u16>().is_ok())
    };
    match hosts.iter().find(|host| !well_formed(host)) {
        Some(host) => Err(format!("must be addresses such as 10.0.0.7:7700, not {host:?}")),
        None => Ok(Value::Names(hosts)),
    }
}

fn network_list<'a>(networks: impl Iterator<Item = &'a str>) -> Result<Value, String> {
    let networks: Vec<String> = networks.filter(|network| !network.is_empty()).map(str::to_owned).collect();
    match networks.iter().find(|network| !is_network(network)) {
        Some(network) => {
            Err(format!("must be addresses or networks such as 10.0.0.7 or 10.0.0.0/8, not {network:?}"))
        }
        None => Ok(Value::Names(networks)),
    }
}

fn is_network(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let Ok(address) = address.parse::<std::net::IpAddr>() else { return false };
    let bits_max = if address.is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= bits_max))
}

/// Bytes in a text such as `50MB`, `64 MiB` or `1048576`.
fn size(text: &str) -> Option<i128> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale: i128 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<i128>().ok()?.checked_mul(scale)
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Whole { .. } => "a whole number",
        Kind::Bytes { .. } => "a size such as \"50MB\"",
        Kind::Names | Kind::Words(_) => "a list of names",
        Kind::Flag => "true or false",
        Kind::Hosts | Kind::Networks => "a list of addresses",
        Kind::Text
        | Kind::Choice(_)
        | Kind::Path
        | Kind::Socket
        | Kind::Free
        | Kind::Secret
        | Kind::Name
        | Kind::FreePath => "a text",
    }
}

fn got(written: &Written) -> &'static str {
    match written {
        Written::Text(_) => "a text",
        Written::Whole(_) => "a number",
        Written::List(_) => "a list",
        Written::Flag(_) => "true or false",
        Written::Other(name) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_take_decimal_and_binary_units() {
        assert_eq!(size("50MB"), Some(50_000_000));
        assert_eq!(size(" 64 MiB "), Some(64 << 20));
        assert_eq!(size("12"), Some(12));
        assert_eq!(size("12 parsecs"), None);
        assert_eq!(size("MB"), None);
    }

    #[test]
    fn a_network_is_an_address_with_or_without_a_length() {
        for good in ["10.0.0.7", "10.0.0.0/8", "::1", "2001:db8::/32", "0.0.0.0/0"] {
            assert!(is_network(good), "{good}");
        }
        for bad in ["10.0.0.0/33", "::/129", "proxy", "10.0.0.7:80", "10.0.0.0/", "10.0.0.0/-1"] {
            assert!(!is_network(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_taken_exactly_when_it_is_in_range(number: i64, min in 0u64..1000, width in 0u64..1000) {
            let kind = Kind::Whole { min, max: min + width };
            let taken = read(kind, &Written::Text(number.to_string()));
            let inside = u64::try_from(number).is_ok_and(|n| n >= min && n <= min + width);
            prop_assert_eq!(taken.is_ok(), inside);
        }

        #[test]
        fn no_text_makes_reading_panic(text in ".{0,40}") {
            for key in crate::key::KEYS {
                let _ = read(key.kind, &Written::Text(text.clone()));
            }
        }
    }
}
