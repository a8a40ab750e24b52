//! Implements what the API does over everything that a tenant has, and with the models.

use async_trait::async_trait;
use enabler_actors::embedding::Text;
use enabler_actors::knowledge::{Inquiry, Seek};
use enabler_actors::question::{self, Choice};
use enabler_http::{
    Answer, ApiError, Chat, Context, Embed, Embedded, KnowledgeApi, ModelCard, Query, Search, SearchResult,
};
use enabler_inference::embedding::InputKind;
use enabler_storage::record::DocumentId;
use tokio::time::Instant;
use uuid::Uuid;

use super::{NodeApi, convert, request};

/// The name that leaves the choice of a model to the node.
const AUTO: &str = "auto";

#[async_trait]
impl KnowledgeApi for NodeApi {
    async fn search(&self, context: &Context, search: Search) -> Result<Vec<SearchResult>, ApiError> {
        let actors = self.started.get()?;
        let seek = Seek {
            tenant: context.tenant.name().to_owned(),
            text: search.query,
            filters: search.filters,
            top_k: search.top_k,
        };
        match actors.router.search(&request(context), &seek).await {
            Ok(hits) => Ok(hits.into_iter().map(convert::hit).collect()),
            Err(failure) => Err(convert::ask_failure(failure, Uuid::nil(), &actors.board)),
        }
    }

    async fn query(&self, context: &Context, query: Query) -> Result<Answer, ApiError> {
        let Query { ask, filters } = query;
        let inquiry = Inquiry {
            tenant: context.tenant.name().to_owned(),
            question: ask.question,
            model: convert::choice(ask.model),
            use_rules: ask.use_dkr,
            top_k: ask.top_k.unwrap_or(self.top_k),
            filters,
            session_id: ask.session_id.clone(),
            earlier: Vec::new(),
            only_remembered: false,
            trial: None,
        };
        let answer = self.inquire(context, &inquiry).await?;
        Ok(Answer { session_id: ask.session_id, ..answer })
    }

    async fn chat(&self, context: &Context, chat: Chat) -> Result<Answer, ApiError> {
        let model = self.choice(context, &chat.model).await?;
        let Some(id) = chat.document_id else {
            let inquiry = Inquiry {
                tenant: context.tenant.name().to_owned(),
                question: chat.question,
                model,
                use_rules: true,
                top_k: self.top_k,
                filters: Vec::new(),
                session_id: None,
                earlier: chat.earlier,
                only_remembered: false,
                trial: None,
            };
            return self.inquire(context, &inquiry).await;
        };
        let (actors, began) = (self.started.get()?, Instant::now());
        let ask = question::Ask {
            tenant: context.tenant.name().to_owned(),
            document_id: DocumentId(*id.as_bytes()),
            question: chat.question,
            model,
            use_rules: true,
            top_k: self.top_k,
            session_id: None,
            earlier: chat.earlier,
            only_remembered: false,
            trial: None,
            stream: None,
        };
        match actors.router.ask(&request(context), &ask).await {
            Ok(answer) => Ok(convert::answer(answer, true, began.elapsed())),
            Err(failure) => Err(convert::ask_failure(failure, id, &actors.board)),
        }
    }

    async fn embed(&self, context: &Context, embed: Embed) -> Result<Embedded, ApiError> {
        let actors = self.started.get()?;
        let model = actors.router.embedding_model().to_owned();
        if embed.model != AUTO && embed.model != model {
            return Err(ApiError::ModelUnknown { model: embed.model, known: vec![AUTO.to_owned(), model] });
        }
        let kind = if embed.are_questions { InputKind::Query } else { InputKind::Passage };
        let texts: Vec<Text> = embed.texts.into_iter().map(|text| Text { kind, text }).collect();
        match actors.router.embed(&request(context), &texts).await {
            Ok(done) => Ok(Embedded { model, vectors: done.vectors, tokens: done.tokens }),
            Err(failure) => Err(convert::ask_failure(failure, Uuid::nil(), &actors.board)),
        }
    }

    async fn models(&self, _: &Context) -> Result<Vec<ModelCard>, ApiError> {
        let actors = self.started.get()?;
        let language = [AUTO.to_owned()].into_iter().chain(actors.router.language_models());
        let language = language.map(|name| ModelCard { name, embeds: false });
        let embedding = ModelCard { name: actors.router.embedding_model().to_owned(), embeds: true };
        Ok(language.chain([embedding]).collect())
    }
}

impl NodeApi {
    async fn inquire(&self, context: &Context, inquiry: &Inquiry) -> Result<Answer, ApiError> {
        let (actors, began) = (self.started.get()?, Instant::now());
        match actors.router.query(&request(context), inquiry).await {
            Ok(answer) => Ok(convert::answer(answer, true, began.elapsed())),
            Err(failure) => Err(convert::ask_failure(failure, Uuid::nil(), &actors.board)),
        }
    }

    /// The language model called `name`: one of those that can be named, or one that could be installed.
    async fn choice(&self, context: &Context, name: &str) -> Result<Choice, ApiError> {
        let models = self.models(context).await?;
        let known: Vec<String> =
            models.into_iter().filter(|model| !model.embeds).map(|model| model.name).collect();
        match name {
            AUTO => Ok(Choice::Auto),
            name if known.iter().any(|one| one == name) || enabler_http::Model::named(name).is_some() => {
                Ok(Choice::Named(name.to_owned()))
            }
            _ => Err(ApiError::ModelUnknown { model: name.to_owned(), known }),
        }
    }
}
