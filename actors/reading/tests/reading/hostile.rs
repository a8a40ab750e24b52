//! Files made to break readers: each ends with its own problem, and the next good file is read.

use enabler_reading::{DocumentProblem, Limits, Page, PageProblem, Source};

use crate::files::{
    A4, Pdf, bomb, bomb_in_bomb, deflated, deflated_many, encrypted, good, image, many_pages, one_page,
    with_objects,
};
use crate::kit::{Desk, limits};

/// Reads the first page and then a good file, with the same reader.
async fn read(bytes: &[u8]) -> Result<Page, PageProblem> {
    let mut desk = Desk::new();
    let read = desk.read(bytes).await;
    desk.still_reads().await;
    read
}

fn document(problem: DocumentProblem) -> Result<Page, PageProblem> {
    Err(PageProblem::Document { problem })
}

/// Memory or time is what such a file ends by; which of them depends on the machine.
fn starved(read: &Result<Page, PageProblem>) -> bool {
    use DocumentProblem as D;
    use PageProblem as P;
    matches!(read, Err(P::OutOfMemory | P::TimedOut | P::Document { problem: D::OutOfMemory | D::TimedOut }))
}

#[tokio::test]
async fn what_is_no_pdf_is_told_from_a_damaged_one() {
    assert_eq!(read(b"").await, document(DocumentProblem::EmptyFile));
    assert_eq!(read(b"PK\x03\x04 a spreadsheet").await, document(DocumentProblem::NotPdf));
    assert_eq!(read(b"%PDF-1.7\n").await, document(DocumentProblem::Damaged));
    let mut garbage = b"%PDF-1.4\n".to_vec();
    garbage.extend((0..50_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8));
    assert_eq!(read(&garbage).await, document(DocumentProblem::Damaged));
    let whole = good();
    assert_eq!(read(&whole[..150]).await, document(DocumentProblem::Damaged));
    assert_eq!(read(&whole[..whole.len() - 120]).await.unwrap().text, "Um documento simples e bom.");
}

#[tokio::test]
async fn a_password_is_asked_for_only_where_one_is_needed() {
    for kind in ["rc4", "aes128", "aes256"] {
        assert_eq!(read(&encrypted(kind, "segredo")).await, document(DocumentProblem::Encrypted), "{kind}");
        let open = read(&encrypted(kind, "")).await.unwrap();
        assert_eq!(open.text, "Um documento simples e bom.", "{kind}");
    }
    let mut desk = Desk::new();
    assert!(desk.open(&encrypted("aes256", "")).await.unwrap().encrypted);
    assert!(!desk.open(&good()).await.unwrap().encrypted);
}

#[tokio::test]
async fn page_trees_are_counted_before_they_are_read() {
    let too_many = |pages| document(DocumentProblem::TooManyPages { pages, max: 5_000 });
    assert_eq!(read(&many_pages(10_000)).await, too_many(10_000));
    assert_eq!(read(&many_pages(100_000)).await, too_many(100_000));
    assert_eq!(read(&many_pages(3)).await.unwrap().source, Source::Empty);
    assert_eq!(read(&many_pages(0)).await, document(DocumentProblem::NoPages));
}

#[tokio::test]
async fn page_trees_without_an_end_are_followed_once() {
    let mut cyclic = Pdf::default();
    cyclic.add("<< /Type /Catalog /Pages 2 0 R >>");
    cyclic.add("<< /Type /Pages /Kids [3 0 R 2 0 R] /Count 9 >>");
    cyclic.add("<< /Type /Pages /Parent 2 0 R /Kids [2 0 R 3 0 R] /Count 9 >>");
    assert_eq!(read(&cyclic.finish(1)).await, document(DocumentProblem::NoPages));

    let mut graph = Pdf::default();
    graph.add("<< /Type /Catalog /Pages 2 0 R >>");
    for _ in 0..30 {
        let below = graph.next(1);
        graph.add(format!("<< /Type /Pages /Kids [{below} 0 R {below} 0 R] /Count 2 >>"));
    }
    graph.add(format!("<< /Type /Page /MediaBox {A4} >>"));
    assert_eq!(read(&graph.finish(1)).await.unwrap().source, Source::Empty);

    let mut deep = Pdf::default();
    deep.add("<< /Type /Catalog /Pages 2 0 R >>");
    for _ in 0..100_000 {
        let below = deep.next(1);
        deep.add(format!("<< /Type /Pages /Kids [{below} 0 R] /Count 1 >>"));
    }
    deep.add(format!("<< /Type /Page /MediaBox {A4} >>"));
    let deep = read(&deep.finish(1)).await;
    assert!(starved(&deep) || deep.is_ok(), "{deep:?}");
}

#[tokio::test]
async fn streams_that_unpack_to_gigabytes_end_by_memory_or_time() {
    for (name, bytes) in [("once", bomb(b" ", 3_000)), ("twice", bomb_in_bomb(3_000))] {
        let read = read(&bytes).await;
        assert!(starved(&read), "{name}: {read:?}");
    }
}

#[tokio::test]
async fn an_object_stream_that_unpacks_to_gigabytes_ends_by_memory_or_time() {
    let mut pdf = Pdf::default();
    pdf.add("<< /Type /Catalog /Pages 3 0 R >>");
    pdf.stream("/Type /ObjStm /N 2 /First 20 /Filter /FlateDecode", &deflated_many(b" ", 3_000));
    let file = pdf.finish(1);
    let read = read(&file).await;
    assert!(starved(&read) || matches!(read, Err(PageProblem::Document { .. })), "{read:?}");
}

#[tokio::test]
async fn hundreds_of_megabytes_of_operators_end_within_the_limits() {
    for operators in [&b"0 0 m 1 1 l S\n"[..], b"q ", b"BT /F 1 Tf (x) Tj ET\n", b"[1 2 3] 0 d "] {
        let read = read(&bomb(operators, 120)).await;
        let known = matches!(read, Ok(_) | Err(PageProblem::TooMuchText));
        assert!(known || starved(&read), "{}: {read:?}", String::from_utf8_lossy(operators));
    }
}

#[tokio::test]
async fn nesting_a_million_deep_is_survived() {
    for (open, close) in [("[", "]"), ("<< /A ", ">>")] {
        let nested = format!("{}{}", open.repeat(1_000_000), close.repeat(1_000_000));
        let mut pdf = Pdf::default();
        pdf.add("<< /Type /Catalog /Pages 2 0 R >>");
        pdf.add("<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
        pdf.add(format!("<< /Type /Page /MediaBox {A4} /Contents 4 0 R /Resources {nested} >>"));
        pdf.stream("", nested.as_bytes());
        let read = read(&pdf.finish(1)).await;
        let problem = matches!(
            read,
            Err(PageProblem::Document { .. }
                | PageProblem::Crashed
                | PageProblem::TimedOut
                | PageProblem::OutOfMemory)
        );
        assert!(problem || read.is_ok(), "{read:?}");
    }
}

#[tokio::test]
async fn a_page_larger_than_any_paper_is_not_drawn() {
    let huge = "[0 0 1000000000 1000000000]";
    let words = read(&one_page(huge, "", "", b"BT /F 12 Tf 72 700 Td (Onde?) Tj ET")).await;
    assert!(matches!(words, Err(PageProblem::TooLarge { width: 1_000_000_000, .. })), "{words:?}");
    let drawn = with_objects(huge, "/XObject << /I 6 0 R >>", "", b"q 1e9 0 0 1e9 0 0 cm /I Do Q", |pdf| {
        pdf.stream(
            "/Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray",
            b"\x00",
        );
    });
    let drawn = read(&drawn).await;
    assert!(matches!(drawn, Err(PageProblem::TooLarge { width: 1_000_000_000, .. })), "{drawn:?}");
}

#[tokio::test]
async fn images_too_large_or_with_lying_sizes_are_refused_or_bounded() {
    let grey = "/BitsPerComponent 8 /ColorSpace /DeviceGray";
    let large = read(&image(
        &format!("/Width 50000 /Height 50000 {grey} /Filter /FlateDecode"),
        &deflated(&[0; 100]),
    ))
    .await;
    assert_eq!(large, Err(PageProblem::ImageTooLarge { width: 50_000, height: 50_000 }));
    let lying = read(&image(&format!("/Width 4294967295 /Height 4294967295 {grey}"), b"\x00")).await;
    assert!(
        matches!(lying, Err(PageProblem::ImageTooLarge { .. }))
            || lying.as_ref().is_ok_and(|p| p.text.is_empty()),
        "{lying:?}"
    );
    let short = read(&image(&format!("/Width 2000 /Height 3000 {grey}"), b"\x80\x80\x80")).await;
    assert!(short.as_ref().is_ok_and(|page| page.text.is_empty()), "{short:?}");
    let unpacks = read(&image(
        &format!("/Width 1000 /Height 1000 {grey} /Filter /FlateDecode"),
        &deflated_many(b"\x80", 3_000),
    ))
    .await;
    assert!(starved(&unpacks), "{unpacks:?}");
}

#[tokio::test]
async fn forms_that_include_themselves_end_by_depth_or_time() {
    let form = "/Type /XObject /Subtype /Form /BBox [0 0 595 842]";
    let own = with_objects(A4, "/XObject << /X 6 0 R >>", "", b"/X Do", |pdf| {
        pdf.stream(&format!("{form} /Resources << /XObject << /X 6 0 R >> >>"), b"/X Do");
    });
    assert_eq!(read(&own).await.unwrap().source, Source::Empty);
    let each_other = with_objects(A4, "/XObject << /X 6 0 R >>", "", b"/X Do", |pdf| {
        let both = |id| format!("{form} /Resources << /XObject << /X {id} 0 R >> >>");
        pdf.stream(&both(7), b"/X Do /X Do");
        pdf.stream(&both(6), b"/X Do /X Do");
    });
    let each_other = read(&each_other).await;
    assert!(starved(&each_other) || each_other.is_ok(), "{each_other:?}");
}

#[tokio::test]
async fn chains_and_references_without_an_end_are_left() {
    let filters = "/FlateDecode ".repeat(500);
    let chain = read(&one_page(A4, "", &format!("/Filter [{filters}]"), &deflated(b"BT ET"))).await;
    assert!(matches!(chain, Ok(_) | Err(PageProblem::Damaged)), "{chain:?}");

    let mut length = Pdf::default();
    length.add("<< /Type /Catalog /Pages 2 0 R >>");
    length.add("<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
    length.add(format!("<< /Type /Page /MediaBox {A4} /Contents 4 0 R >>"));
    length.add("<< /Length 4 0 R >>\nstream\nBT ET\nendstream");
    let length = read(&length.finish(1)).await;
    assert!(length.is_ok(), "{length:?}");

    let file = good();
    let start = file.windows(4).rposition(|window| window == b"xref").unwrap();
    let table = file.windows(5).position(|window| window == b"xref\n").unwrap_or(start);
    let text = String::from_utf8(file).unwrap().replace("/Root", &format!("/Prev {table} /Root"));
    assert_eq!(read(text.as_bytes()).await.unwrap().text, "Um documento simples e bom.");
}

#[tokio::test]
async fn enormous_ranges_in_maps_and_widths_are_survived() {
    let map = "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00000000> <ffffffff> endcodespacerange \
        1 beginbfrange <00000000> <ffffffff> <0041> endbfrange 1 begincidrange <00000000> <ffffffff> 0 endcidrange endcmap end";
    let fonts = "/Font << /F 6 0 R >>";
    let file = with_objects(A4, fonts, "", b"BT /F 12 Tf 72 700 Td <00410042> Tj ET", |pdf| {
        pdf.add("<< /Type /Font /Subtype /Type0 /BaseFont /A /Encoding /Identity-H /DescendantFonts [7 0 R] /ToUnicode 8 0 R >>");
        pdf.add("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /A /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /W [0 4294967295 500 0 2147483647 600] /FontDescriptor 9 0 R >>");
        pdf.stream("", map.as_bytes());
        pdf.add("<< /Type /FontDescriptor /FontName /A /Flags 4 >>");
    });
    let read = read(&file).await;
    assert!(read.is_ok() || starved(&read), "{read:?}");
}

#[tokio::test]
async fn tiny_dashes_on_a_page_to_be_drawn_are_bounded() {
    let mut content = b"q 300 0 0 300 0 0 cm /I Do Q [0.0001 0.0001] 0 d 1 w ".to_vec();
    for line in 0..200 {
        content.extend_from_slice(format!("0 {line} m 595 {line} l S ").as_bytes());
    }
    let file = with_objects(A4, "/XObject << /I 6 0 R >>", "", &content, |pdf| {
        let grey = "/Width 10 /Height 10 /BitsPerComponent 8 /ColorSpace /DeviceGray";
        pdf.stream(&format!("/Type /XObject /Subtype /Image {grey}"), &[200; 100]);
    });
    let read = read(&file).await;
    assert!(read.is_ok() || starved(&read), "{read:?}");
}

#[tokio::test]
async fn a_problem_page_leaves_the_others_readable() {
    let mut pdf = Pdf::default();
    pdf.add("<< /Type /Catalog /Pages 2 0 R >>");
    pdf.add(format!(
        "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /MediaBox {A4} /Resources << /Font << /F 7 0 R >> >> >>"
    ));
    pdf.add("<< /Type /Page /Parent 2 0 R /Contents 5 0 R >>");
    pdf.add("<< /Type /Page /Parent 2 0 R /Contents 6 0 R >>");
    pdf.stream("/Filter /FlateDecode", &deflated_many(b" ", 3_000));
    pdf.stream("", b"BT /F 12 Tf 72 700 Td (A segunda pagina) Tj ET");
    pdf.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
    let mut desk = Desk::new();
    assert_eq!(desk.open(&pdf.finish(1)).await.unwrap().page_count, 2);
    let first = desk.page(1).await;
    assert!(starved(&first), "{first:?}");
    assert_eq!(desk.page(2).await.unwrap().text, "A segunda pagina");
    assert_eq!(desk.page(3).await, Err(PageProblem::NoSuchPage { number: 3, pages: 2 }));
}

#[tokio::test]
async fn a_document_has_a_budget_of_time_and_of_bytes() {
    let mut hurried = Desk::within(Limits { document_seconds_max: 0, ..limits() });
    let opened = hurried.open(&good()).await;
    assert_eq!(opened.unwrap_err(), DocumentProblem::TimedOut);
    let mut narrow = Desk::within(Limits { file_bytes_max: 100, ..limits() });
    let bytes = good().len() as u64;
    assert_eq!(narrow.open(&good()).await.unwrap_err(), DocumentProblem::TooLarge { bytes, max: 100 });
    let mut terse = Desk::within(Limits { answer_bytes_max: 200, ..limits() });
    let long = one_page(
        A4,
        "",
        "",
        format!("BT /F 1 Tf 72 700 Td ({}) Tj ET", "muito texto ".repeat(60)).as_bytes(),
    );
    assert_eq!(terse.read(&long).await, Err(PageProblem::TooMuchText));
    terse.still_reads().await;
}

#[tokio::test]
async fn giving_up_on_a_page_ends_its_child_and_the_next_is_read() {
    let mut desk = Desk::new();
    desk.open(&bomb(b"0 0 m 1 1 l S\n", 200)).await.unwrap();
    let given_up = tokio::time::timeout(std::time::Duration::from_millis(300), desk.page(1)).await;
    assert!(given_up.is_err());
    desk.still_reads().await;
}

#[tokio::test]
async fn a_program_that_is_no_child_is_named() {
    let program = enabler_reading::Program {
        executable: "/nonexistent/reader".into(),
        arguments: Vec::new(),
        environment: Vec::new(),
    };
    let refused = enabler_reading::Reader::spawn(program, limits()).map(|_| ());
    assert_eq!(refused, Err(DocumentProblem::NoReader));
}

#[tokio::test]
async fn what_a_killed_child_was_doing_is_done_by_another_once() {
    let mut desk = Desk::new();
    desk.open(&good()).await.unwrap();
    // At rest.
    signal("KILL", desk.reader.process());
    assert_eq!(desk.page(1).await.unwrap().text, "Um documento simples e bom.");
    assert_eq!(desk.reader.take_killed(), 1);
    // At work: it is held back first, so that it cannot have answered.
    let child = desk.reader.process();
    signal("STOP", child);
    let kill = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        signal("KILL", child);
    };
    let (page, ()) = tokio::join!(desk.page(1), kill);
    assert_eq!(page.unwrap().text, "Um documento simples e bom.");
    assert_eq!((desk.reader.take_killed(), desk.reader.take_killed()), (1, 0));
    assert_ne!(desk.reader.process(), child);
}

fn signal(name: &str, process: Option<u32>) {
    let process = process.unwrap().to_string();
    let sent = std::process::Command::new("kill").args(["-s", name, &process]).status().unwrap();
    assert!(sent.success());
}
