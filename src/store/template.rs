//! Templates of texts, by app.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::audit::{self, AuditEntry};
use super::idempotency::{self, Once};
use super::message::Accepted;
use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::template::InvalidTemplate;
use crate::domain::{Category, Template, UnixMillis, Variable};

/// A template as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TemplateView {
    pub(crate) id: i64,
    pub(crate) app: String,
    pub(crate) name: String,
    pub(crate) template: Template,
    pub(crate) provider_template_id: Option<String>,
    /// The same text in other languages, by language tag.
    pub(crate) translations: BTreeMap<String, String>,
    pub(crate) category: Option<Category>,
    pub(crate) created_at: UnixMillis,
    pub(crate) updated_at: UnixMillis,
}

/// What a caller wants stored, with nothing left to doubt.
#[derive(Clone, Debug)]
pub(crate) struct NewTemplate {
    pub(crate) app: String,
    pub(crate) name: String,
    pub(crate) template: Template,
    pub(crate) provider_template_id: Option<String>,
    pub(crate) translations: BTreeMap<String, String>,
    pub(crate) category: Option<Category>,
    pub(crate) at: UnixMillis,
}

/// What is to be different about a template. `None`: as it is; `Some(None)`: nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct TemplateChange {
    pub(crate) name: Option<String>,
    pub(crate) content: Option<String>,
    /// Without it a new content brings its own.
    pub(crate) variables: Option<Vec<Variable>>,
    pub(crate) provider_template_id: Option<Option<String>>,
    pub(crate) translations: Option<BTreeMap<String, String>>,
    pub(crate) category: Option<Option<Category>>,
}

/// What became of a change.
#[derive(Debug)]
pub(crate) enum ChangedTemplate {
    Done(Box<TemplateView>),
    NotFound,
    Invalid(InvalidTemplate),
}

/// Which templates a page shows, newest first.
#[derive(Clone, Debug)]
pub(crate) struct TemplatePage {
    /// `None` sees all.
    pub(crate) app: Option<String>,
    /// Parts of the name and of the content, whatever the case of ASCII letters.
    pub(crate) name: Option<String>,
    pub(crate) content: Option<String>,
    /// Rows before the page.
    pub(crate) skip: i64,
    pub(crate) size: i64,
}

/// Templates of one app: more are not a library but a leak.
pub(crate) const MOST_TEMPLATES: i64 = 10_000;

impl Store {
    /// Stores a template and the answer to its Idempotency-Key in one transaction. `Ok(Err(TooMany))` when the app has
    /// [`MOST_TEMPLATES`].
    pub(crate) async fn add_template(
        &self,
        new: NewTemplate,
        by: AuditEntry,
        once: Option<Once<TemplateView>>,
    ) -> Result<Accepted<TemplateView>, StoreError> {
        let (job, receipt) = job(move |work| add(work, &new, &by, once.as_ref()));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// The template with this id. `app`: `None` sees all.
    pub(crate) async fn template(
        &self,
        id: i64,
        app: Option<String>,
    ) -> Result<Option<TemplateView>, StoreError> {
        self.readers
            .ask(move |db| find(db, id, app.as_deref()))
            .await
    }

    /// One page, and how many there are in all.
    pub(crate) async fn template_page(
        &self,
        asked: TemplatePage,
    ) -> Result<(Vec<TemplateView>, i64), StoreError> {
        self.readers.ask(move |db| page(db, &asked)).await
    }

    /// At most `limit` templates made before the one with id `before`, newest first.
    pub(crate) async fn templates(
        &self,
        app: Option<String>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<TemplateView>, StoreError> {
        self.readers
            .ask(move |db| {
                let sql = format!(
                    "{TEMPLATE} WHERE id < :before AND (:app IS NULL OR app = :app)
                      ORDER BY id DESC LIMIT :limit"
                );
                let mut statement = db.prepare_cached(&sql)?;
                let mut rows = statement.query(named_params! {
                    ":before": before.unwrap_or(i64::MAX),
                    ":app": app,
                    ":limit": limit,
                })?;
                let mut templates = Vec::new();
                while let Some(row) = rows.next()? {
                    templates.push(template_of(row)?);
                }
                Ok(templates)
            })
            .await
    }

    /// Changes a template. `most`: characters its content may have. Its time and the record change only when something
    /// is different.
    pub(crate) async fn change_template(
        &self,
        id: i64,
        app: Option<String>,
        change: TemplateChange,
        most: usize,
        by: AuditEntry,
    ) -> Result<ChangedTemplate, StoreError> {
        let (job, receipt) = job(move |work| {
            let Some(before) = find(work.db, id, app.as_deref())? else {
                return Ok(ChangedTemplate::NotFound);
            };
            let template = match changed(&before.template, &change, most) {
                Ok(template) => template,
                Err(invalid) => return Ok(ChangedTemplate::Invalid(invalid)),
            };
            let mut after = TemplateView {
                name: change.name.clone().unwrap_or_else(|| before.name.clone()),
                template,
                provider_template_id: change
                    .provider_template_id
                    .clone()
                    .unwrap_or_else(|| before.provider_template_id.clone()),
                translations: change
                    .translations
                    .clone()
                    .unwrap_or_else(|| before.translations.clone()),
                category: change.category.unwrap_or(before.category),
                ..before.clone()
            };
            if after != before {
                after.updated_at = by.at;
                update(work, &after)?;
                audit::note(work, &by)?;
            }
            Ok(ChangedTemplate::Done(Box::new(after)))
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// `false`: there is no such template. Messages made of it are not touched.
    pub(crate) async fn remove_template(
        &self,
        id: i64,
        app: Option<String>,
        by: AuditEntry,
    ) -> Result<bool, StoreError> {
        let (job, receipt) = job(move |work| {
            let removed = work
                .db
                .prepare_cached(
                    "DELETE FROM template WHERE id = :id AND (:app IS NULL OR app = :app)",
                )?
                .execute(named_params! { ":id": id, ":app": app })?;
            if removed == 1 {
                audit::note(work, &by)?;
            }
            Ok(removed == 1)
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }
}

fn changed(
    before: &Template,
    change: &TemplateChange,
    most: usize,
) -> Result<Template, InvalidTemplate> {
    match (&change.content, &change.variables) {
        (None, None) => Ok(before.clone()),
        (content, variables) => {
            let content = content.as_deref().unwrap_or(before.content());
            Template::parse(content, variables.clone(), most)
        }
    }
}

fn add(
    work: &mut Work<'_>,
    new: &NewTemplate,
    by: &AuditEntry,
    once: Option<&Once<TemplateView>>,
) -> Result<Accepted<TemplateView>, StoreError> {
    if let Some(before) = Accepted::before(work, once)? {
        return Ok(before);
    }
    let known: i64 = work
        .db
        .prepare_cached("SELECT COUNT(*) FROM template WHERE app = :app")?
        .query_row(named_params! { ":app": new.app }, |row| row.get(0))?;
    if known >= MOST_TEMPLATES {
        return Ok(Accepted::TooMany);
    }
    work.db
        .prepare_cached(
            "INSERT INTO template (app, name, content, variables, translations, provider_template_id, category,
                                   created_at, updated_at)
             VALUES (:app, :name, :content, :variables, :translations, :provider_template_id, :category,
                     :at, :at)",
        )?
        .execute(named_params! {
            ":app": new.app,
            ":name": new.name,
            ":content": new.template.content(),
            ":variables": names(&new.template),
            ":translations": json(&new.translations),
            ":provider_template_id": new.provider_template_id,
            ":category": new.category.map(Category::as_str),
            ":at": new.at.0,
        })?;
    let id = work.db.last_insert_rowid();
    let by = AuditEntry {
        object: id.to_string(),
        ..by.clone()
    };
    audit::note(work, &by)?;
    let view = find(work.db, id, None)?.ok_or_else(|| {
        StoreError::Corrupt("a template that was just stored is not there".into())
    })?;
    if let Some(once) = once {
        idempotency::remember(work, once, &(once.render)(&view), new.at)?;
    }
    Ok(Accepted::New(Box::new(view)))
}

fn update(work: &Work<'_>, after: &TemplateView) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE template
                SET name = :name, content = :content, variables = :variables, translations = :translations,
                    provider_template_id = :provider_template_id, category = :category, updated_at = :at
              WHERE id = :id",
        )?
        .execute(named_params! {
            ":name": after.name,
            ":content": after.template.content(),
            ":variables": names(&after.template),
            ":translations": json(&after.translations),
            ":provider_template_id": after.provider_template_id,
            ":category": after.category.map(Category::as_str),
            ":at": after.updated_at.0,
            ":id": after.id,
        })?;
    Ok(())
}

const TEMPLATE: &str =
    "SELECT id, app, name, content, variables, translations, provider_template_id, category,
       created_at, updated_at
  FROM template";

pub(super) fn find(
    db: &Connection,
    id: i64,
    app: Option<&str>,
) -> Result<Option<TemplateView>, StoreError> {
    let sql = format!("{TEMPLATE} WHERE id = :id AND (:app IS NULL OR app = :app)");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(named_params! { ":id": id, ":app": app })?;
    rows.next()?.map(template_of).transpose()
}

/// Substrings are found by `instr`, so that `%` and `_` mean themselves; SQLite's `lower` knows ASCII only, which is what
/// is promised.
fn page(db: &Connection, asked: &TemplatePage) -> Result<(Vec<TemplateView>, i64), StoreError> {
    const FITS: &str = "(:app IS NULL OR app = :app)
        AND (:name IS NULL OR instr(lower(name), lower(:name)) > 0)
        AND (:content IS NULL OR instr(lower(content), lower(:content)) > 0)";
    let total = db
        .prepare_cached(&format!("SELECT COUNT(*) FROM template WHERE {FITS}"))?
        .query_row(
            named_params! { ":app": asked.app, ":name": asked.name, ":content": asked.content },
            |row| row.get(0),
        )
        .optional()?
        .unwrap_or(0);
    let sql = format!("{TEMPLATE} WHERE {FITS} ORDER BY id DESC LIMIT :size OFFSET :skip");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(named_params! {
        ":app": asked.app,
        ":name": asked.name,
        ":content": asked.content,
        ":size": asked.size,
        ":skip": asked.skip,
    })?;
    let mut templates = Vec::new();
    while let Some(row) = rows.next()? {
        templates.push(template_of(row)?);
    }
    Ok((templates, total))
}

fn template_of(row: &Row<'_>) -> Result<TemplateView, StoreError> {
    let corrupt = |column: &str| StoreError::Corrupt(format!("column {column} of a template"));
    let text = |column: &str| row.get::<_, String>(column);
    let content = text("content")?;
    let variables: Vec<String> =
        serde_json::from_str(&text("variables")?).map_err(|_| corrupt("variables"))?;
    let variables = variables
        .iter()
        .map(|name| Variable::parse(name).ok_or_else(|| corrupt("variables")))
        .collect::<Result<_, _>>()?;
    let category: Option<String> = row.get("category")?;
    Ok(TemplateView {
        id: row.get("id")?,
        app: text("app")?,
        name: text("name")?,
        // What was measured when it was stored is not measured again: the setting may have changed since.
        template: Template::parse(&content, Some(variables), usize::MAX)
            .map_err(|_| corrupt("content"))?,
        provider_template_id: row.get("provider_template_id")?,
        translations: serde_json::from_str(&text("translations")?)
            .map_err(|_| corrupt("translations"))?,
        category: category
            .map(|word| Category::parse(&word).ok_or_else(|| corrupt("category")))
            .transpose()?,
        created_at: UnixMillis(row.get("created_at")?),
        updated_at: UnixMillis(row.get("updated_at")?),
    })
}

fn names(template: &Template) -> String {
    let names: Vec<&str> = template.variables().iter().map(Variable::as_str).collect();
    json(&names)
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("strings, and lists and maps of them, are JSON")
}
