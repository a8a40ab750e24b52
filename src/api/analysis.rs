//! Implements analyses: asked of the owner of the document's shard, marked in its file by an OCR worker.

use async_trait::async_trait;
use bytes::Bytes;
use enabler_actors::analysis::{Analysed, Analyze as Wanted, AnalyzeFailure, highlights};
use enabler_http::{
    Analysis, AnalysisApi, AnalysisCheck, AnalysisFlag, AnalysisRules, AnalysisTable, AnalysisValue, Analyze,
    ApiError, Context, Language,
};
use enabler_reading::PageProblem;
use enabler_storage::record::{BlobError, DocumentId, read_blob};
use uuid::Uuid;

use super::{NodeApi, convert, internal, request, unavailable};

#[async_trait]
impl AnalysisApi for NodeApi {
    async fn analyze(&self, context: &Context, id: Uuid, analyze: Analyze) -> Result<Analysis, ApiError> {
        // First, because a document that is gone is told apart from one that is not ready.
        let record = self.find(context, id).await?.record;
        let analysed = self.analysed(context, id, analyze).await?;
        Ok(analysis(analysed, record.filename))
    }

    async fn marked(
        &self,
        context: &Context,
        id: Uuid,
        analyze: Analyze,
    ) -> Result<(String, Bytes), ApiError> {
        let actors = self.started.get()?;
        let record = self.find(context, id).await?.record;
        let analysed = self.analysed(context, id, analyze).await?;
        let marks = highlights(&analysed, &record.filename, context.language == Language::Portuguese);
        let marked = actors.crew.mark(&request(context), &record.original, marks).await;
        let marked = marked.map_err(convert::not_drawn)?;
        let marked = marked.map_err(|problem| {
            ApiError::ReadingFailed(convert::undrawable(&PageProblem::Document { problem }))
        })?;
        let original = read_blob(&*actors.intake.store, &record.original).await;
        let original = original.map_err(|error| match error {
            BlobError::Store { .. } => unavailable("the object store"),
            error => internal("reading the upload", error),
        })?;
        // Marking takes a while; the document may have been deleted meanwhile.
        self.find(context, id).await?;
        let kept = usize::try_from(marked.keep_bytes).ok().and_then(|length| original.get(..length));
        let kept = kept.ok_or_else(|| internal("marking a file", "its marks are of another file"))?;
        Ok((record.filename, [kept, &marked.bytes].concat().into()))
    }
}

impl NodeApi {
    async fn analysed(&self, context: &Context, id: Uuid, analyze: Analyze) -> Result<Analysed, ApiError> {
        let actors = self.started.get()?;
        let wanted = Wanted {
            tenant: context.tenant.name().to_owned(),
            document_id: DocumentId(*id.as_bytes()),
            profile: analyze.profile,
            use_model: analyze.use_model,
        };
        actors.router.analyze(&request(context), &wanted).await.map_err(|failure| match failure {
            AnalyzeFailure::NoProfile { wanted: Some(profile), known } => {
                ApiError::ProfileUnknown { profile, known }
            }
            AnalyzeFailure::NoProfile { wanted: None, known } => ApiError::NoProfile { known },
            AnalyzeFailure::Asked(failure) => convert::ask_failure(failure, id, &actors.board),
        })
    }
}

fn analysis(analysed: Analysed, filename: String) -> Analysis {
    let flag = |flag: enabler_analysis::Flag| AnalysisFlag { code: flag.code, pt: flag.pt, en: flag.en };
    let value = |value: enabler_analysis::Value| AnalysisValue {
        pointer: value.pointer,
        label: value.label,
        category: value.category,
        value: value.value,
        page: value.page,
        quotation: value.quotation,
        start: value.start as u64,
        rects: value.rects,
        confidence: value.confidence.clamp(0.0, 1.0),
        flags: value.flags.into_iter().map(flag).collect(),
    };
    let check = |check: enabler_analysis::Check| AnalysisCheck {
        code: check.code,
        ok: check.ok,
        detail_pt: check.detail_pt,
        detail_en: check.detail_en,
        pointers: check.pointers,
    };
    let table = |table: enabler_analysis::Table| AnalysisTable {
        name: table.name,
        columns: table.columns,
        rows: table.rows,
    };
    let rules = analysed.rules;
    Analysis {
        filename,
        profile: analysed.profile,
        template_reason: analysed.template_reason,
        result: match analysed.result {
            serde_json::Value::Object(fields) => fields,
            _ => serde_json::Map::new(),
        },
        values: analysed.values.into_iter().map(value).collect(),
        checks: analysed.checks.into_iter().map(check).collect(),
        tables: analysed.tables.into_iter().map(table).collect(),
        rules: AnalysisRules {
            applied: rules.applied,
            disputed: rules.disputed,
            corrections: rules.corrections,
        },
        confidence: analysed.confidence.clamp(0.0, 1.0),
        cached: analysed.cached,
    }
}
