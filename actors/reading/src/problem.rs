//! Why a document or a page could not be read, in words for the person who sent it.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The language of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    /// English.
    English,
    /// Portuguese.
    Portuguese,
}

/// Why a whole document could not be read. `Display` is the English message.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum DocumentProblem {
    /// The bytes are not a PDF.
    #[error("the file is not a PDF: send the document as a PDF file")]
    NotPdf,
    /// There are no bytes.
    #[error("the file is empty: check the original and send it again")]
    EmptyFile,
    /// A PDF whose structure cannot be followed.
    #[error("the PDF is damaged or incomplete: open it, save it as a new PDF and send that")]
    Damaged,
    /// A password is needed to read it.
    #[error("the PDF is protected by a password: remove the password and send it again")]
    Encrypted,
    /// Encrypted in a way that no reader here knows.
    #[error(
        "the PDF is encrypted in a way that is not supported: save it without protection and send it again"
    )]
    EncryptionUnsupported,
    /// More pages than allowed.
    #[error("the PDF has {pages} pages and at most {max} are accepted: split it into smaller files")]
    TooManyPages {
        /// How many it has, or says that it has.
        pages: u64,
        /// How many are allowed.
        max: u32,
    },
    /// A PDF without a single page.
    #[error("the PDF has no pages: check the original and send it again")]
    NoPages,
    /// More bytes than allowed.
    #[error("the file has {bytes} bytes and at most {max} are accepted: split it or reduce its images")]
    TooLarge {
        /// How many it has.
        bytes: u64,
        /// How many are allowed.
        max: u64,
    },
    /// Its structure is nested deeper than any real document's.
    #[error("the PDF is nested too deeply to be read: open it, save it as a new PDF and send that")]
    TooDeep,
    /// Opening it took more memory than allowed.
    #[error("the PDF needs more memory than is allowed: print it to a new PDF or split it, and send that")]
    OutOfMemory,
    /// Opening it, or all of it, took longer than allowed.
    #[error("reading the PDF took longer than is allowed: print it to a new PDF or split it, and send that")]
    TimedOut,
    /// Its reader died of it.
    #[error("the PDF made its reader fail: print it to a new PDF and send that")]
    Crashed,
    /// The file could not be read from where it lies. Not the sender's fault.
    #[error("the stored file could not be read: try again later")]
    Unavailable,
    /// The reading process could not be started. Not the sender's fault.
    #[error("the document reader could not be started: try again later")]
    NoReader,
}

/// Why one page could not be read. `Display` is the English message.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum PageProblem {
    /// The document has no page of that number.
    #[error("page {number} does not exist: the document has {pages}")]
    NoSuchPage {
        /// The page asked for.
        number: u32,
        /// How many there are.
        pages: u32,
    },
    /// The page's content cannot be followed.
    #[error("the page is damaged: save the document as a new PDF and send that")]
    Damaged,
    /// The page's sides are beyond any paper.
    #[error(
        "the page measures {width} by {height} points and at most {max} are accepted: print it to a smaller page"
    )]
    TooLarge {
        /// Width in points.
        width: u64,
        /// Height in points.
        height: u64,
        /// The longest side accepted, in points.
        max: u64,
    },
    /// An image on the page has more pixels than allowed.
    #[error(
        "the page holds an image of {width} by {height} pixels, more than is accepted: scan it at 300 dpi"
    )]
    ImageTooLarge {
        /// Width in pixels.
        width: u64,
        /// Height in pixels.
        height: u64,
    },
    /// The page's text and boxes are more than one answer may hold.
    #[error("the page holds more text than is accepted on one page: split it")]
    TooMuchText,
    /// The page took more memory than allowed.
    #[error("the page needs more memory than is allowed: print it to a new PDF and send that")]
    OutOfMemory,
    /// The page took longer than allowed.
    #[error("reading the page took longer than is allowed: print it to a new PDF and send that")]
    TimedOut,
    /// The reader died of the page.
    #[error("the page made its reader fail: print it to a new PDF and send that")]
    Crashed,
    /// OCR cannot run: its language data is not installed. Not the sender's fault.
    #[error("text recognition is not available for {language}: install its language data")]
    NoOcr {
        /// The language asked for.
        language: String,
    },
    /// The whole document cannot be read (any more).
    #[error("{problem}")]
    Document {
        /// Why not.
        problem: DocumentProblem,
    },
    /// The service that recognises characters is away or has too much to do. It passes, and is not the sender's fault.
    #[error("the text recognition service did not answer: try again later")]
    RecogniserAway,
    /// The service that recognises characters refuses this installation. Not the sender's fault.
    #[error("the text recognition service refuses this installation: its settings must be looked at")]
    RecogniserRefused,
    /// The service that recognises characters cannot read the page's picture.
    #[error("the text recognition service cannot read the page: print it to a new PDF and send that")]
    Unrecognisable,
}

impl DocumentProblem {
    /// The name by which programs know the problem; it never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotPdf => "not_pdf",
            Self::EmptyFile => "empty_file",
            Self::Damaged => "damaged",
            Self::Encrypted => "encrypted",
            Self::EncryptionUnsupported => "encryption_unsupported",
            Self::TooManyPages { .. } => "too_many_pages",
            Self::NoPages => "no_pages",
            Self::TooLarge { .. } => "too_large",
            Self::TooDeep => "too_deep",
            Self::OutOfMemory => "out_of_memory",
            Self::TimedOut => "timed_out",
            Self::Crashed => "crashed",
            Self::Unavailable => "unavailable",
            Self::NoReader => "no_reader",
        }
    }

    /// What is wrong and what to do about it.
    pub fn message(&self, tongue: Tongue) -> String {
        let portuguese = match (tongue, self) {
            (Tongue::English, _) => return self.to_string(),
            (_, Self::TooManyPages { pages, max }) => {
                return format!(
                    "o PDF tem {pages} páginas e são aceitas no máximo {max}: divida-o em arquivos menores"
                );
            }
            (_, Self::TooLarge { bytes, max }) => {
                return format!(
                    "o arquivo tem {bytes} bytes e são aceitos no máximo {max}: divida-o ou reduza suas imagens"
                );
            }
            (_, Self::NotPdf) => "o arquivo não é um PDF: envie o documento como arquivo PDF",
            (_, Self::EmptyFile) => "o arquivo está vazio: confira o original e envie-o de novo",
            (_, Self::Damaged) => {
                "o PDF está danificado ou incompleto: abra-o, salve-o como um novo PDF e envie esse arquivo"
            }
            (_, Self::Encrypted) => "o PDF está protegido por senha: remova a senha e envie-o de novo",
            (_, Self::EncryptionUnsupported) => {
                "o PDF está cifrado de um modo não suportado: salve-o sem proteção e envie-o de novo"
            }
            (_, Self::NoPages) => "o PDF não tem páginas: confira o original e envie-o de novo",
            (_, Self::TooDeep) => {
                "a estrutura do PDF é profunda demais para ser lida: salve-o como um novo PDF e envie esse arquivo"
            }
            (_, Self::OutOfMemory) => {
                "o PDF exige mais memória do que o permitido: imprima-o para um novo PDF ou divida-o, e envie o resultado"
            }
            (_, Self::TimedOut) => {
                "a leitura do PDF demorou mais do que o permitido: imprima-o para um novo PDF ou divida-o, e envie o resultado"
            }
            (_, Self::Crashed) => {
                "o PDF fez o leitor falhar: imprima-o para um novo PDF e envie esse arquivo"
            }
            (_, Self::Unavailable) => "o arquivo guardado não pôde ser lido: tente de novo mais tarde",
            (_, Self::NoReader) => "o leitor de documentos não pôde ser iniciado: tente de novo mais tarde",
        };
        portuguese.to_owned()
    }
}

impl PageProblem {
    /// The name by which programs know the problem; it never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchPage { .. } => "no_such_page",
            Self::Damaged => "page_damaged",
            Self::TooLarge { .. } => "page_too_large",
            Self::ImageTooLarge { .. } => "image_too_large",
            Self::TooMuchText => "too_much_text",
            Self::OutOfMemory => "page_out_of_memory",
            Self::TimedOut => "page_timed_out",
            Self::Crashed => "page_crashed",
            Self::NoOcr { .. } => "no_ocr",
            Self::Document { problem } => problem.code(),
            Self::RecogniserAway => "recogniser_away",
            Self::RecogniserRefused => "recogniser_refused",
            Self::Unrecognisable => "page_unrecognisable",
        }
    }

    /// What is wrong and what to do about it.
    pub fn message(&self, tongue: Tongue) -> String {
        if tongue == Tongue::English {
            return self.to_string();
        }
        match self {
            Self::NoSuchPage { number, pages } => format!("a página {number} não existe: o documento tem {pages}"),
            Self::Damaged => {
                "a página está danificada: salve o documento como um novo PDF e envie esse arquivo".to_owned()
            }
            Self::TooLarge { width, height, max } => format!(
                "a página mede {width} por {height} pontos e são aceitos no máximo {max}: imprima-a em uma página menor"
            ),
            Self::ImageTooLarge { width, height } => format!(
                "a página contém uma imagem de {width} por {height} pixels, acima do aceito: digitalize-a a 300 dpi"
            ),
            Self::TooMuchText => {
                "a página contém mais texto do que se aceita em uma página: divida-a".to_owned()
            }
            Self::OutOfMemory => {
                "a página exige mais memória do que o permitido: imprima-a para um novo PDF e envie esse arquivo"
                    .to_owned()
            }
            Self::TimedOut => {
                "a leitura da página demorou mais do que o permitido: imprima-a para um novo PDF e envie esse arquivo"
                    .to_owned()
            }
            Self::Crashed => {
                "a página fez o leitor falhar: imprima-a para um novo PDF e envie esse arquivo".to_owned()
            }
            Self::NoOcr { language } => {
                format!("o reconhecimento de texto não está disponível para {language}: instale seus dados de idioma")
            }
            Self::Document { problem } => problem.message(tongue),
            Self::RecogniserAway => {
                "o serviço de reconhecimento de texto não respondeu: tente de novo mais tarde".to_owned()
            }
            Self::RecogniserRefused => {
                "o serviço de reconhecimento de texto recusa esta instalação: é preciso rever sua configuração"
                    .to_owned()
            }
            Self::Unrecognisable => {
                "o serviço de reconhecimento de texto não consegue ler a página: imprima-a para um novo PDF e envie esse arquivo"
                    .to_owned()
            }
        }
    }
}

impl From<DocumentProblem> for PageProblem {
    fn from(problem: DocumentProblem) -> Self {
        Self::Document { problem }
    }
}
