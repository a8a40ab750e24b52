//! Hands our analysis to tantivy.

use tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer, TokenizerManager};

use super::analysis::{Form, analyse};

/// The name under which a form is registered; part of the index's description on disk.
pub(super) fn name(form: Form) -> &'static str {
    match form {
        Form::Portuguese => "portuguese-1",
        Form::English => "english-1",
        Form::Folded => "folded-1",
    }
}

pub(super) fn register(tokenizers: &TokenizerManager) {
    for form in [Form::Portuguese, Form::English, Form::Folded] {
        tokenizers.register(name(form), TextAnalyzer::from(Analyser(form)));
    }
}

#[derive(Debug, Clone)]
struct Analyser(Form);

impl Tokenizer for Analyser {
    type TokenStream<'a> = Tokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Tokens {
        let tokens = analyse(self.0, text).into_iter().enumerate().map(|(position, term)| Token {
            offset_from: term.start,
            offset_to: term.end,
            position,
            text: term.text,
            position_length: 1,
        });
        Tokens { left: tokens.collect::<Vec<_>>().into_iter(), current: Token::default() }
    }
}

struct Tokens {
    left: std::vec::IntoIter<Token>,
    current: Token,
}

impl TokenStream for Tokens {
    fn advance(&mut self) -> bool {
        self.left.next().map(|token| self.current = token).is_some()
    }

    fn token(&self) -> &Token {
        &self.current
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.current
    }
}
