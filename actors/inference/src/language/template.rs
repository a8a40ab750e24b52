//! How a conversation is written for each family of models.

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The instructions.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

impl Speaker {
    fn name(self) -> &'static str {
        match self {
            Speaker::System => "system",
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
        }
    }
}

/// One turn of a conversation.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Who says it.
    pub speaker: Speaker,
    /// What is said. It is read as text even where it looks like the template's marks.
    pub text: &'a str,
}

/// A family's way to write a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// `<|im_start|>user … <|im_end|>`: SmolLM2, Qwen2.
    ChatMl,
    /// `<|start_header_id|>user<|end_header_id|> … <|eot_id|>`: Llama 3.
    Llama3,
    /// `<|user|> … </s>`: TinyLlama, Zephyr.
    Zephyr,
    /// `User: …`: models that were not trained on conversations.
    Plain,
}

/// A piece of a written conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// A special token, by its name.
    Special(&'static str),
    /// Ordinary text.
    Text(String),
}

impl Template {
    /// Recognises the template that a file states; a file without one is recognised by its tokens.
    pub(super) fn recognise(stated: Option<&str>, has_token: impl Fn(&str) -> bool) -> Self {
        let mentions = |mark: &str| stated.map_or_else(|| has_token(mark), |text| text.contains(mark));
        if mentions("<|im_start|>") && has_token("<|im_start|>") {
            Template::ChatMl
        } else if mentions("<|start_header_id|>") && has_token("<|start_header_id|>") {
            Template::Llama3
        } else if stated.is_some_and(|text| text.contains("<|user|>")) && has_token("</s>") {
            Template::Zephyr
        } else {
            Template::Plain
        }
    }

    /// The tokens that end a turn, beside the file's own end-of-text.
    pub(super) fn turn_ends(self) -> &'static [&'static str] {
        match self {
            Template::ChatMl => &["<|im_end|>", "<|endoftext|>"],
            Template::Llama3 => &["<|eot_id|>", "<|end_of_text|>", "<|eom_id|>"],
            Template::Zephyr => &["</s>"],
            Template::Plain => &[],
        }
    }

    /// Writes the conversation up to where the model is to answer. No begin-of-text is added.
    pub fn prompt(self, messages: &[Message<'_>]) -> Vec<Segment> {
        let mut segments = Vec::new();
        for message in messages {
            self.open(message.speaker, &mut segments);
            let text = match self {
                Template::Llama3 | Template::Plain => message.text.trim(),
                Template::ChatMl | Template::Zephyr => message.text,
            };
            write(text, &mut segments);
            self.close(&mut segments);
        }
        self.open(Speaker::Assistant, &mut segments);
        segments
    }

    fn open(self, speaker: Speaker, segments: &mut Vec<Segment>) {
        let name = speaker.name();
        match self {
            Template::ChatMl => {
                segments.push(Segment::Special("<|im_start|>"));
                write(&format!("{name}\n"), segments);
            }
            Template::Llama3 => {
                segments.push(Segment::Special("<|start_header_id|>"));
                write(name, segments);
                segments.push(Segment::Special("<|end_header_id|>"));
                write("\n\n", segments);
            }
            Template::Zephyr => write(&format!("<|{name}|>\n"), segments),
            Template::Plain => write(
                match speaker {
                    Speaker::System => "",
                    Speaker::User => "User: ",
                    Speaker::Assistant => "Assistant:",
                },
                segments,
            ),
        }
    }

    fn close(self, segments: &mut Vec<Segment>) {
        match self {
            Template::ChatMl => {
                segments.push(Segment::Special("<|im_end|>"));
                write("\n", segments);
            }
            Template::Llama3 => segments.push(Segment::Special("<|eot_id|>")),
            Template::Zephyr => {
                segments.push(Segment::Special("</s>"));
                write("\n", segments);
            }
            Template::Plain => write("\n\n", segments),
        }
    }
}

/// Text that follows text is one piece, so that it is tokenized as it would be in one string.
fn write(text: &str, segments: &mut Vec<Segment>) {
    match segments.last_mut() {
        Some(Segment::Text(before)) => before.push_str(text),
        _ => segments.push(Segment::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(template: Template) -> String {
        let messages = [
            Message { speaker: Speaker::System, text: "Be brief." },
            Message { speaker: Speaker::User, text: "Olá" },
        ];
        let text = |segment| match segment {
            Segment::Special(name) => name.to_owned(),
            Segment::Text(text) => text,
        };
        template.prompt(&messages).into_iter().map(text).collect()
    }

    #[test]
    fn each_family_writes_as_its_model_card_says() {
        assert_eq!(
            written(Template::ChatMl),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nOlá<|im_end|>\n<|im_start|>assistant\n"
        );
        assert_eq!(
            written(Template::Llama3),
            "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user\
             <|end_header_id|>\n\nOlá<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
        );
        assert_eq!(
            written(Template::Zephyr),
            "<|system|>\nBe brief.</s>\n<|user|>\nOlá</s>\n<|assistant|>\n"
        );
        assert_eq!(written(Template::Plain), "Be brief.\n\nUser: Olá\n\nAssistant:");
    }

    #[test]
    fn a_message_that_looks_like_a_mark_stays_text() {
        let messages = [Message { speaker: Speaker::User, text: "<|im_end|>" }];
        let marks = Template::ChatMl.prompt(&messages);
        assert_eq!(marks[1], Segment::Text("user\n<|im_end|>".into()));
    }

    #[test]
    fn a_template_needs_its_tokens() {
        let recognise = |stated, tokens: &[&str]| Template::recognise(stated, |name| tokens.contains(&name));
        assert_eq!(recognise(Some("{{'<|im_start|>'}}"), &["<|im_start|>"]), Template::ChatMl);
        assert_eq!(recognise(Some("{{'<|im_start|>'}}"), &[]), Template::Plain);
        assert_eq!(recognise(None, &["<|start_header_id|>"]), Template::Llama3);
        assert_eq!(recognise(Some("'<|user|>\n' + eos_token"), &["</s>"]), Template::Zephyr);
        assert_eq!(recognise(None, &["</s>"]), Template::Plain);
    }
}
