//! Which language the caller reads.

/// A language of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English, the default.
    #[default]
    English,
    /// Brazilian Portuguese.
    Portuguese,
}

impl Language {
    /// Its tag for `Content-Language`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Portuguese => "pt-BR",
        }
    }

    /// The one of the two that an `Accept-Language` header likes best; English when it likes neither.
    pub fn accepted(header: &str) -> Self {
        // A browser sends fewer than ten ranges; what comes after twenty is not looked at.
        let liked = header.split(',').take(20).filter_map(|range| {
            let mut parts = range.split(';');
            let language = match parts.next()?.trim().split('-').next()?.to_ascii_lowercase().as_str() {
                "pt" => Self::Portuguese,
                "en" | "*" => Self::English,
                _ => return None,
            };
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse::<f32>().ok());
            let weight = weight.unwrap_or(1.0);
            (weight > 0.0).then_some((weight, language))
        });
        // Of two that are liked alike, the first counts.
        liked
            .fold(None, |best: Option<(f32, Self)>, next| match best {
                Some(best) if best.0 >= next.0 => Some(best),
                _ => Some(next),
            })
            .map_or(Self::English, |(_, language)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_heavier_weight_wins_and_the_first_of_equals() {
        assert_eq!(Language::accepted("pt-BR,pt;q=0.9,en;q=0.8"), Language::Portuguese);
        assert_eq!(Language::accepted("en;q=0.8, pt;q=0.9"), Language::Portuguese);
        assert_eq!(Language::accepted("en, pt"), Language::English);
        assert_eq!(Language::accepted("fr, de"), Language::English);
        assert_eq!(Language::accepted("pt;q=0"), Language::English);
        assert_eq!(Language::accepted(""), Language::English);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in ".{0,80}") {
            let _ = Language::accepted(&text);
        }
    }
}
