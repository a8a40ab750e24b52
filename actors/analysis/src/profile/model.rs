//! The profile language: the keys of a profile's file.

use serde::Deserialize;

use super::{Colour, Pattern};
use crate::text::fold;

/// A whole profile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    pub(crate) title_pt: String,
    pub(crate) title_en: String,
    /// Words that say what the persons after them are, up to the next such words: "seus filhos", "a viuva".
    pub(crate) roles: Option<Pattern>,
    /// Words that speak for and against this template.
    #[serde(default)]
    pub(crate) template: Vec<Cue>,
    #[serde(default)]
    pub(crate) category: Vec<Colour>,
    /// Headings that begin a part of the document.
    #[serde(default)]
    pub(crate) section: Vec<Section>,
    #[serde(default)]
    pub(crate) field: Vec<Field>,
    #[serde(default)]
    pub(crate) list: Vec<List>,
    #[serde(default)]
    pub(crate) shares: Vec<Shares>,
    #[serde(default)]
    pub(crate) derive: Vec<Derive>,
    #[serde(default)]
    pub(crate) check: Vec<CheckRule>,
}

/// A phrase of the document that speaks for a template.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cue {
    pub(crate) find: Pattern,
    /// How much it says; below zero it speaks against.
    pub(crate) weight: f32,
    /// What the reason calls it.
    pub(crate) name: String,
}

/// A part of the document, from a heading to the next one that any section knows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Section {
    pub(crate) name: String,
    pub(crate) heading: Pattern,
    /// A phrase before a colon that begins the section as a heading does.
    pub(crate) opening: Option<Pattern>,
}

/// The types that values are read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Type {
    Person,
    Company,
    /// A person or a company.
    Party,
    Fund,
    Cpf,
    Cnpj,
    Date,
    Money,
    Number,
    /// A percentage as a number.
    Percent,
    /// A percentage as it is written: `38,72%`.
    PercentText,
    Fraction,
    Ticker,
    /// What a pattern's group `v` matches, or the whole cell.
    Text,
    /// One of `choices`.
    Choice,
    /// Whether a pattern is there.
    Yes,
}

/// One field of the result.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Field {
    /// Where it goes, as a JSON pointer.
    pub(crate) at: String,
    pub(crate) label: String,
    #[serde(rename = "type")]
    pub(crate) kind: Type,
    pub(crate) category: String,
    /// Whether a document of this kind always says it.
    #[serde(default)]
    pub(crate) required: bool,
    #[serde(default)]
    pub(crate) choices: Vec<ChoiceRule>,
    /// Where to look, the surest first.
    #[serde(default)]
    pub(crate) find: Vec<Find>,
    /// The object of this field is `null` when this field is.
    #[serde(default)]
    pub(crate) whole: bool,
    /// Fields, read before this one, whose values are never this one's: the dead does not administer the estate.
    #[serde(default)]
    pub(crate) differs: Vec<String>,
    /// What the document says where it has no such value.
    pub(crate) unless: Option<Pattern>,
    /// How the text is cleaned.
    #[serde(default)]
    pub(crate) clean: Vec<Clean>,
}

/// A value that stands for every match of a pattern.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChoiceRule {
    pub(crate) find: Pattern,
    pub(crate) is: String,
}

/// A replacement in a text value, over its folded form.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clean {
    pub(crate) find: Pattern,
    pub(crate) put: String,
}

/// One way to find a value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Find {
    /// What stands just before the value.
    pub(crate) before: Option<Pattern>,
    /// What stands just after it.
    pub(crate) after: Option<Pattern>,
    /// What must not stand just before it.
    pub(crate) not_before: Option<Pattern>,
    /// What must not stand just after it.
    pub(crate) not_after: Option<Pattern>,
    /// What the value itself must look like.
    pub(crate) like: Option<Pattern>,
    /// What it must not look like.
    pub(crate) unlike: Option<Pattern>,
    /// The value itself, or the group `v` within.
    pub(crate) pattern: Option<Pattern>,
    /// The section that it must stand in.
    #[serde(default)]
    pub(crate) section: Vec<String>,
    /// The sections that it must not stand in.
    #[serde(default)]
    pub(crate) not_section: Vec<String>,
    /// Letters that may stand between the cue and the value.
    #[serde(default)]
    pub(crate) reach: usize,
    /// In what is said of the person that this field names.
    pub(crate) owner: Option<String>,
    /// The value is that of this field, or of the only record of this list, where `pattern` stands.
    pub(crate) same_as: Option<String>,
    /// The last one found and not the first.
    #[serde(default)]
    pub(crate) last: bool,
    /// How strong this evidence is, from 0 to 1.
    #[serde(default = "strong")]
    pub(crate) weight: f32,
}

fn strong() -> f32 {
    0.9
}

/// What a list's records are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Of {
    /// One for each person whom `when` describes.
    Person,
    /// One for each row of a table, or clause of a section.
    Item,
}

/// Cells that count in place of a column's where another column says so.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Instead {
    /// The column.
    pub(crate) column: String,
    /// The column that decides.
    pub(crate) by: String,
    /// What it says then.
    pub(crate) is: Vec<String>,
    /// The heads of the cells that count.
    pub(crate) heads: Pattern,
    /// What counts in a clause, where it is more.
    #[serde(default)]
    pub(crate) find: Vec<Find>,
}

/// A list of records.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    /// Where it goes, as a JSON pointer.
    pub(crate) at: String,
    /// The sheet's name.
    pub(crate) sheet: String,
    pub(crate) of: Of,
    /// The column without which there is no record.
    pub(crate) key: String,
    /// Columns of which a record has at least one.
    #[serde(default)]
    pub(crate) any: Vec<String>,
    /// Columns of which a record that was read in a clause has at least one, where that is more.
    #[serde(default)]
    pub(crate) any_in_clause: Vec<String>,
    /// Of persons: who belongs to the list.
    #[serde(default)]
    pub(crate) when: Vec<When>,
    /// Whose cells count in place of another column's: the votes against what was rejected.
    pub(crate) instead: Option<Instead>,
    /// The columns of which the third is the product of the others: how many, at what price, and how much that makes.
    pub(crate) product: Option<(String, String, String)>,
    /// A number with the things that are counted so; other numbers of a text are no factor of `product`.
    pub(crate) product_of: Option<Pattern>,
    /// Of persons: what is said of one of `except_fields` who belongs to the list all the same.
    pub(crate) except_but: Option<Pattern>,
    /// Of persons: what stands before their first names where they are called by these alone.
    pub(crate) called: Option<Pattern>,
    /// Words of a row of a total, or before its table, that make it the total of a part.
    pub(crate) part_of: Option<Pattern>,
    /// Of persons: who does not.
    #[serde(default)]
    pub(crate) except: Vec<When>,
    /// Of persons: who is under age by the date of birth.
    pub(crate) under_age: Option<UnderAge>,
    /// Fields that name persons who do not belong.
    #[serde(default)]
    pub(crate) except_fields: Vec<String>,
    /// Of items: a list that was read before, whose records are none of this one.
    pub(crate) beside: Option<String>,
    /// Of items: lists and fields with the names of persons to whom no item gives anything.
    #[serde(default)]
    pub(crate) without: Vec<String>,
    /// Of items: the sections whose clauses are read; none for the whole document.
    #[serde(default)]
    pub(crate) section: Vec<String>,
    /// Of items: sections whose tables are about something else.
    #[serde(default)]
    pub(crate) not_section: Vec<String>,
    /// Whether tables that name several records name them all: clauses then only fill what a row left out.
    #[serde(default)]
    pub(crate) tables_whole: bool,
    /// Of sentences: what opens one that still speaks of the item before, as its value.
    pub(crate) goes_on: Option<Pattern>,
    /// Clauses of the whole document that are read where it has none of the sections.
    pub(crate) anywhere: Option<Pattern>,
    /// Whether clauses of the text are read, beside tables.
    #[serde(default)]
    pub(crate) clauses: bool,
    /// Of items: what each must say, or the sentence that opens the list.
    pub(crate) require: Option<Pattern>,
    /// Of items: what none may say.
    pub(crate) refuse: Option<Pattern>,
    /// What an item may not say itself where `require` stands only in the opening sentence.
    pub(crate) refuse_inherited: Option<Pattern>,
    /// Of items: what refers to the item before, and makes one that it belongs to what that belongs to.
    pub(crate) again: Option<Pattern>,
    /// Whether clauses without a value of `any` name what later clauses of the same mark are about.
    #[serde(default)]
    pub(crate) agenda: bool,
    /// Whether a sentence is an item as a clause is.
    #[serde(default)]
    pub(crate) sentences: bool,
    /// Of items: how the outcome of an item is told in a sentence after it.
    pub(crate) block: Option<Block>,
    /// Of items: what speaks of every item of the agenda at once.
    pub(crate) everything: Option<Pattern>,
    /// Of items: what leaves some out of it.
    pub(crate) but: Option<Pattern>,
    /// Of items: what is said beside them, unless these sections have an item that says it too.
    pub(crate) aside: Option<Aside>,
    /// Columns that an item without them has from what the agenda says of it.
    #[serde(default)]
    pub(crate) from_agenda: Vec<String>,
    /// Columns that an item without them has from the sentence that opens its enumeration.
    #[serde(default)]
    pub(crate) inherit: Vec<String>,
    /// What begins a further item within one clause.
    pub(crate) start: Option<Pattern>,
    /// Columns of which an item's row has at least one filled, where its table has them.
    #[serde(default)]
    pub(crate) any_in_row: Vec<String>,
    /// A row that sums up only some of the items.
    pub(crate) part_row: Option<Pattern>,
    /// A row that sums up and is no item.
    pub(crate) total_row: Option<Pattern>,
    /// The column whose cell in such a row is the total, and the field that it goes to where nothing else fills it.
    pub(crate) total: Option<(String, String)>,
    /// Columns that name the record where its key was not found.
    #[serde(default)]
    pub(crate) key_from: Vec<String>,
    /// Key columns' values that name one thing: records that agree in one of them are one.
    #[serde(default)]
    pub(crate) same_by: Vec<String>,
    #[serde(default)]
    pub(crate) column: Vec<Column>,
    /// Further places of the result, each with some of the columns.
    #[serde(default)]
    pub(crate) copy: Vec<Copy>,
}

/// How a person's age follows from the date of birth.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnderAge {
    /// What stands before the date of birth, in what is said of the person.
    pub(crate) born: Pattern,
    /// The field with the date of the document.
    pub(crate) at: String,
    /// The age from which one is of age.
    pub(crate) years: u32,
    /// The column of the answer, which is yes.
    pub(crate) key: String,
}

/// What is said beside the items of a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Aside {
    pub(crate) find: Pattern,
    pub(crate) section: Vec<String>,
}

/// How the outcome of an item is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Block {
    /// What tells an outcome.
    pub(crate) outcome: Pattern,
    /// How a sentence begins that tells the outcome of what was named before it.
    pub(crate) opens: Pattern,
    /// How a line begins that adds to an item.
    pub(crate) goes_on: Pattern,
    /// How a line begins that tells the outcome of the one item before it, though a section may be headed so.
    pub(crate) tells: Option<Pattern>,
}

/// The same records elsewhere in the result.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Copy {
    pub(crate) at: String,
    /// Pairs: the column, and the key that it has there.
    pub(crate) columns: Vec<(String, String)>,
    /// Whether it keeps these columns from the first place.
    #[serde(default)]
    pub(crate) moved: bool,
}

/// A column of a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Column {
    pub(crate) key: String,
    pub(crate) label: String,
    #[serde(rename = "type")]
    pub(crate) kind: Type,
    pub(crate) category: String,
    /// Headings of this column in a table.
    pub(crate) heads: Option<Pattern>,
    /// Headings of this column where no other heading of the table is.
    pub(crate) heads_else: Option<Pattern>,
    #[serde(default)]
    pub(crate) choices: Vec<ChoiceRule>,
    #[serde(default)]
    pub(crate) find: Vec<Find>,
    /// Whether the choice that stands first counts, not the one that is listed first.
    #[serde(default)]
    pub(crate) in_order: bool,
    /// Whether the rules look in a table's cell before the whole cell is taken.
    #[serde(default)]
    pub(crate) in_cell: bool,
    /// Where the document says it of all records, for one that does not say it itself.
    #[serde(default)]
    pub(crate) common: Vec<Find>,
    /// Columns of which a record has one to take what is said of all.
    #[serde(default)]
    pub(crate) common_with: Vec<String>,
    /// The column whose cell, just before this one's in a row, opens the text: a table may part what a thing is from how it
    /// is called.
    pub(crate) with_cell: Option<String>,
    /// Of persons: what leads to the name says it, for one of whom nothing else does.
    #[serde(default)]
    pub(crate) lead: Vec<Find>,
    /// Of persons: where the document says it of the only one, by what that person is in it.
    #[serde(default)]
    pub(crate) only: Vec<Find>,
    /// Of persons: also in what is said of others within the same clause.
    #[serde(default)]
    pub(crate) wide: bool,
    /// Of persons: what the plural before an enumeration makes each of them.
    #[serde(default)]
    pub(crate) group_choices: Vec<GroupChoice>,
    /// Of persons: where the document says how many there are (group `v`) and what they are, for as many records; without
    /// a number for all of them, where nothing is said of any.
    pub(crate) counted: Option<Pattern>,
    /// Further keys that have the same value, for readers of older results.
    #[serde(default)]
    pub(crate) also: Vec<String>,
    /// Whether the key is absent, not `null`, where nothing was found.
    #[serde(default)]
    pub(crate) optional: bool,
    #[serde(default)]
    pub(crate) clean: Vec<Clean>,
}

/// A word in the plural before an enumeration, and what it makes a man and a woman of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupChoice {
    pub(crate) find: Pattern,
    pub(crate) masculine: String,
    pub(crate) feminine: String,
}

/// Who belongs to a list of persons; every part that is given must hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct When {
    /// What leads to the name, within its clause.
    pub(crate) lead: Option<Pattern>,
    /// What is said of the person.
    pub(crate) own: Option<Pattern>,
    /// Whether `own` may also be said after those were named who are named for the person's sake, as a spouse.
    #[serde(default)]
    pub(crate) wide: bool,
    /// What must not be said of the person.
    pub(crate) not_own: Option<Pattern>,
    /// What the words of `roles` nearest before the name say.
    pub(crate) role: Option<Pattern>,
    /// What opens the sentence or the enumeration.
    pub(crate) group: Option<Pattern>,
    #[serde(default)]
    pub(crate) section: Vec<String>,
    /// Whether the name opens its clause.
    #[serde(default)]
    pub(crate) opens: bool,
}

/// Who gets how much of what.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shares {
    pub(crate) at: String,
    pub(crate) sheet: String,
    pub(crate) category: String,
    pub(crate) section: Vec<String>,
    /// The list of things, or several.
    #[serde(deserialize_with = "one_or_more")]
    pub(crate) things: Vec<String>,
    /// The lists of these whose things are shared too where the document only speaks of all things at once; all of them
    /// where this is not said.
    pub(crate) in_bulk: Option<Vec<String>>,
    /// The column that names a thing.
    pub(crate) thing_name: String,
    /// Columns whose values name a thing beside its name.
    pub(crate) thing_keys: Vec<String>,
    /// The column with the thing's value.
    pub(crate) thing_value: String,
    /// The column with the house that keeps the thing.
    pub(crate) thing_place: Option<String>,
    /// Lists and fields that name those who may get a share.
    pub(crate) members: Vec<String>,
    /// The list that "each heir" speaks of.
    pub(crate) each: String,
    pub(crate) each_words: Pattern,
    /// The columns of a table of shares: `bem`, `herdeiro`, `percentual`, `fracao`, `valor`.
    #[serde(default)]
    pub(crate) column: Vec<Column>,
    /// Paragraphs of the whole document that are read where it has none of the sections.
    pub(crate) anywhere: Option<Pattern>,
    /// Words that stand for things that are not in the list.
    pub(crate) other_things: Option<Pattern>,
    /// Words that stand for every thing.
    pub(crate) all_things: Option<Pattern>,
    /// Words that stand for a person that a field names.
    #[serde(default)]
    pub(crate) alias: Vec<Alias>,
    /// Money after these words is no share.
    pub(crate) no_value: Pattern,
    /// A percentage or a fraction after these words is no share.
    pub(crate) no_share: Option<Pattern>,
    /// What is said of somebody who is no member and may get a share.
    pub(crate) party: Option<Pattern>,
    /// Fields that name those who get no share unless they are members.
    #[serde(default)]
    pub(crate) except_fields: Vec<String>,
    /// Words that give a thing whole.
    pub(crate) whole: Pattern,
    /// Words that give a thing to the only person who is named, where none of `partly` is said.
    pub(crate) given: Option<Pattern>,
    /// Words that speak of parts.
    pub(crate) partly: Option<Pattern>,
    /// Words that give it in equal parts.
    pub(crate) equal: Pattern,
    /// Words between two things that say what the one is to the other, and do not give both.
    pub(crate) tied: Option<Pattern>,
    /// By which of its words a thing is named again.
    #[serde(default)]
    pub(crate) words: Words,
}

/// Which words of a thing name it again, and which do not; written without accents and capitals.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Words {
    /// What stands before the mark that a thing has in its list.
    #[serde(deserialize_with = "folded")]
    pub(crate) marks: Vec<String>,
    /// What leads to a number; the first is also put where a description has none.
    #[serde(deserialize_with = "folded")]
    pub(crate) numbers: Vec<String>,
    /// Words that name nothing.
    #[serde(deserialize_with = "folded")]
    pub(crate) common: Vec<String>,
    /// Words that say what a thing is, and not which.
    #[serde(deserialize_with = "folded")]
    pub(crate) kinds: Vec<String>,
    /// Words of long descriptions that say where a thing lies and who registered it.
    #[serde(deserialize_with = "folded")]
    pub(crate) elsewhere: Vec<String>,
}

/// Words as folded text has them.
fn folded<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let words = Vec::<String>::deserialize(from)?;
    match words.iter().find(|word| fold(word) != **word) {
        Some(word) => Err(serde::de::Error::custom(format!(
            "word `{word}`: words are compared with text without accents and capitals; write `{}`",
            fold(word)
        ))),
        None => Ok(words),
    }
}

/// A text, or a list of texts.
fn one_or_more<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        One(String),
        More(Vec<String>),
    }
    Ok(match Either::deserialize(from)? {
        Either::One(one) => vec![one],
        Either::More(more) => more,
    })
}

/// A word that stands for a person.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alias {
    pub(crate) word: Pattern,
    pub(crate) field: Option<String>,
    pub(crate) section: Option<String>,
}

/// An answer that follows from others.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, tag = "rule", rename_all = "snake_case")]
pub(crate) enum Derive {
    /// How many records a list has.
    Count { at: String, of: String },
    /// The sum of a list's column; `null` where a record lacks it.
    Total { at: String, list: String, key: String },
    /// The pages that a part of the result was read on.
    Pages { at: String, of: String },
    /// The mean confidence of a part of the result.
    Confidence { at: String, of: String },
    /// How many pages the document has.
    PageCount { at: String },
    /// Whether a field's value is among a column's of a list; `null` where the field is.
    Member { at: String, field: String, list: String, key: String },
    /// Whether a field's check digits hold; only where they do not.
    Valid { list: String, key: String, at: String },
}

/// A comparison.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, tag = "rule", rename_all = "snake_case")]
pub(crate) enum CheckRule {
    /// A column of a list adds up to a field.
    Sum {
        code: String,
        list: String,
        key: String,
        field: String,
        /// Further lists whose records are added. What is missing, no record of several lists tells: the field alone is
        /// doubted.
        #[serde(default)]
        with: Vec<String>,
    },
    /// Two columns of each record multiply to a third.
    Product { code: String, list: String, factors: (String, String), product: String },
    /// The shares of each thing add up to all of it.
    Shares { code: String, shares: String },
    /// The document says how many records there are.
    Said { code: String, list: String, find: Pattern },
    /// The first field is not more than the second.
    AtMost { code: String, less: String, more: String },
    /// The first date is not after the second.
    Order { code: String, first: String, second: String },
}

impl Model {
    /// What names something that is not there.
    pub(crate) fn fault(&self) -> Option<String> {
        let categories: Vec<&str> = self.category.iter().map(|one| one.category.as_str()).collect();
        let sections: Vec<&str> = self.section.iter().map(|one| one.name.as_str()).collect();
        let used = (self.field.iter().map(|field| &field.category))
            .chain(self.list.iter().flat_map(|list| list.column.iter().map(|column| &column.category)))
            .chain(self.shares.iter().map(|shares| &shares.category));
        for category in used {
            if !categories.contains(&category.as_str()) {
                return Some(format!("category `{category}` has no [[category]]"));
            }
        }
        let columns = || self.list.iter().flat_map(|list| &list.column);
        let finds = (self.field.iter().flat_map(|field| &field.find)).chain(columns().flat_map(|column| {
            column.find.iter().chain(&column.common).chain(&column.only).chain(&column.lead)
        }));
        let named = finds
            .flat_map(|find| find.section.iter().chain(&find.not_section))
            .chain(self.list.iter().filter_map(|list| list.aside.as_ref()).flat_map(|aside| &aside.section))
            .chain(self.list.iter().flat_map(|list| &list.section))
            .chain(
                self.list
                    .iter()
                    .flat_map(|list| list.when.iter().chain(&list.except).flat_map(|when| &when.section)),
            )
            .chain(self.shares.iter().flat_map(|shares| &shares.section));
        for section in named {
            if !sections.contains(&section.as_str()) {
                return Some(format!("section `{section}` has no [[section]]"));
            }
        }
        for list in &self.list {
            let keys: Vec<&str> = list.column.iter().map(|column| column.key.as_str()).collect();
            let asked = std::iter::once(&list.key).chain(&list.any).chain(&list.same_by);
            for key in asked {
                if !keys.contains(&key.as_str()) {
                    return Some(format!("list `{}` has no column `{key}`", list.at));
                }
            }
        }
        let pointers = self.field.iter().map(|field| &field.at).chain(self.list.iter().map(|list| &list.at));
        for pointer in pointers {
            if !pointer.starts_with('/') || pointer.ends_with('/') {
                return Some(format!("`{pointer}` is not a JSON pointer, as `/a/b`"));
            }
        }
        let lists: Vec<&str> = self.list.iter().map(|list| list.at.as_str()).collect();
        for shares in &self.shares {
            let mut things = shares.things.iter().chain(shares.in_bulk.iter().flatten());
            if let Some(things) = things.find(|things| !lists.contains(&things.as_str())) {
                return Some(format!("shares `{}` are of `{things}`, which is no list", shares.at));
            }
        }
        for (at, list) in self.list.iter().enumerate() {
            let known = |other: &&String| !lists.iter().take(at).any(|before| before == other);
            if let Some(other) = list.beside.as_ref().filter(known) {
                return Some(format!(
                    "list `{}` stands beside `{other}`, which is no list before it",
                    list.at
                ));
            }
        }
        None
    }
}
