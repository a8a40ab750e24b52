//! Pictures of leptonica behind a safe face: the grey page, and what is done to it before OCR.

use tesseract_plumbing::leptonica_plumbing::Pix;
use tesseract_plumbing::leptonica_plumbing::memory::RefCountedExclusive;
use tesseract_plumbing::leptonica_sys as leptonica;

/// Pixels across at which a line is no rule: a fortieth of an inch at the finest resolution read.
const THICK: i32 = 9;

/// Pixels that the crossings of a table of four corners cover, each five by five or more.
const CROSSINGS_MIN: i32 = 100;

/// A picture that leptonica holds.
pub(crate) struct Picture(RefCountedExclusive<Pix>);

/// How a page leans, and how sure leptonica is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Skew {
    /// Degrees by which it must be turned clockwise.
    pub(crate) degrees: f32,
    pub(crate) confidence: f32,
}

/// Evidence of ascenders for which way a page stands, as leptonica scores it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Stance {
    /// Above zero when upright, below when upside down.
    pub(crate) up: f32,
    /// Above zero when its top lies to the left, below when to the right.
    pub(crate) left: f32,
}

impl Picture {
    /// A picture of `width` times `height` grey bytes, row by row; `None` where they are not that many.
    pub(crate) fn from_grey(grey: &[u8], width: u32, height: u32) -> Option<Self> {
        let (columns, lines) = (i32::try_from(width).ok()?, i32::try_from(height).ok()?);
        if width == 0 || height == 0 || grey.len() != width as usize * height as usize {
            return None;
        }
        #[expect(unsafe_code, reason = "a call of leptonica")]
        // SAFETY: any numbers may be given; too large ones give null.
        let picture = own(unsafe { leptonica::pixCreate(columns, lines, 8) })?;
        let pitch = (width as usize).div_ceil(4);
        let data = picture.0.get_data();
        if data.is_null() {
            return None;
        }
        #[expect(unsafe_code, reason = "a call of leptonica")]
        // SAFETY: a picture 8 bits deep holds `height` lines of `width / 4` whole words, and nobody else knows it yet.
        let words = unsafe { std::slice::from_raw_parts_mut(data, pitch * height as usize) };
        for (line, row) in words.chunks_exact_mut(pitch).zip(grey.chunks_exact(width as usize)) {
            for (word, bytes) in line.iter_mut().zip(row.chunks(4)) {
                let mut four = [0; 4];
                four.iter_mut().zip(bytes).for_each(|(into, byte)| *into = *byte);
                *word = u32::from_be_bytes(four);
            }
        }
        Some(picture)
    }

    /// As tesseract takes it.
    pub(super) fn for_tesseract(&self) -> *mut leptonica::Pix {
        self.raw()
    }

    pub(crate) fn width(&self) -> u32 {
        self.0.get_width().unsigned_abs()
    }

    pub(crate) fn height(&self) -> u32 {
        self.0.get_height().unsigned_abs()
    }

    /// Its grey bytes, row by row; `None` where it is not grey.
    pub(crate) fn grey(&self) -> Option<Vec<u8>> {
        const DEPTH: i32 = 8;
        let (width, height) = (self.width() as usize, self.height() as usize);
        let data = self.0.get_data();
        if self.0.get_depth() != DEPTH || data.is_null() || width == 0 {
            return None;
        }
        let pitch = width.div_ceil(4);
        #[expect(unsafe_code, reason = "a call of leptonica")]
        // SAFETY: a picture 8 bits deep holds `height` lines of `width / 4` whole words, and nobody changes it meanwhile.
        let words = unsafe { std::slice::from_raw_parts(data, pitch * height) };
        let mut grey = Vec::with_capacity(width * height);
        for line in words.chunks_exact(pitch) {
            grey.extend(line.iter().flat_map(|word| word.to_be_bytes()).take(width));
        }
        Some(grey)
    }

    /// With its background made white everywhere.
    pub(crate) fn background_normalised(&self) -> Option<Self> {
        #[expect(unsafe_code, reason = "a call of leptonica")]
        // SAFETY: the picture is valid and 8 bits deep; the two optional masks may be null.
        own(unsafe {
            leptonica::pixBackgroundNormSimple(self.raw(), std::ptr::null_mut(), std::ptr::null_mut())
        })
    }

    /// Black where darker than `threshold`.
    pub(crate) fn binary(&self, threshold: u8) -> Option<Self> {
        #[expect(unsafe_code, reason = "a call of leptonica")]
        // SAFETY: the picture is valid.
        own(unsafe { leptonica::pixConvertTo1(self.raw(), threshold.into()) })
    }

    /// Scaled by `factor` both ways.
    pub(crate) fn scaled(&self, factor: f32) -> Option<Self> {
        #[expect(unsafe_code, reason = "a call of leptonica")]
        // SAFETY: the picture is valid.
        own(unsafe { leptonica::pixScale(self.raw(), factor, factor) })
    }

    /// Turned clockwise by `degrees` about its middle, its size kept, white brought in.
    pub(crate) fn turned(&self, degrees: f32) -> Option<Self> {
        const AREA_MAP: i32 = 1;
        const WHITE: i32 = 1;
        #[expect(unsafe_code, reason = "a call of leptonica")]
        // SAFETY: the picture is valid.
        own(unsafe { leptonica::pixRotate(self.raw(), degrees.to_radians(), AREA_MAP, WHITE, 0, 0) })
    }

    /// Turned clockwise by quarters.
    pub(crate) fn quarters(&self, quarters: u8) -> Option<Self> {
        #[expect(unsafe_code, reason = "a call of leptonica")]
        // SAFETY: the picture is valid and the count is between 0 and 3.
        own(unsafe { leptonica::pixRotateOrth(self.raw(), i32::from(quarters % 4)) })
    }

    /// This grey picture without the grid of ruled lines that stands in `binary`, its black and white self, or `None` where
    /// there are none: `across` and `down` are the least lengths in pixels of lines of either kind.
    pub(crate) fn without_rules(&self, binary: &Self, across: u32, down: u32) -> Option<Self> {
        let (across, down) = (i32::try_from(across).ok()?, i32::try_from(down).ok()?);
        let none = std::ptr::null_mut();
        let mut crossed = 0;
        #[expect(unsafe_code, reason = "calls of leptonica")]
        // SAFETY: both pictures are valid and of one size, and the pictures made of them are owned at once; a null
        // destination asks for a new picture.
        unsafe {
            // Thin lines break where a scan is grainy.
            let whole = own(leptonica::pixCloseBrick(none, binary.raw(), 3, 1))?;
            let lines = own(leptonica::pixOpenCompBrick(none, whole.raw(), across, 1))?;
            let whole = own(leptonica::pixCloseBrick(none, binary.raw(), 1, 5))?;
            let columns = own(leptonica::pixOpenCompBrick(none, whole.raw(), 1, down))?;
            // What is thick is a shadow, a photograph or a bar, not a rule.
            let thick = own(leptonica::pixOpenBrick(none, lines.raw(), 1, THICK))?;
            let lines = own(leptonica::pixSubtract(none, lines.raw(), thick.raw()))?;
            let thick = own(leptonica::pixOpenBrick(none, columns.raw(), THICK, 1))?;
            let columns = own(leptonica::pixSubtract(none, columns.raw(), thick.raw()))?;
            // As wide as the blur along a scanned line's edges.
            let lines = own(leptonica::pixDilateBrick(none, lines.raw(), 5, 5))?;
            let columns = own(leptonica::pixDilateBrick(none, columns.raw(), 5, 5))?;
            let crossings = own(leptonica::pixAnd(none, lines.raw(), columns.raw()))?;
            let counted = leptonica::pixCountPixels(crossings.raw(), &mut crossed, std::ptr::null_mut());
            if counted != 0 || crossed < CROSSINGS_MIN {
                return None;
            }
            let wide = own(leptonica::pixOr(none, lines.raw(), columns.raw()))?;
            let clean = own(leptonica::pixCopy(none, self.raw()))?;
            (leptonica::pixSetMasked(clean.raw(), wide.raw(), 255) == 0).then_some(clean)
        }
    }

    /// How a binary picture of text leans; `None` where leptonica cannot tell.
    pub(crate) fn skew(&self) -> Option<Skew> {
        let mut skew = Skew::default();
        #[expect(unsafe_code, reason = "a call of leptonica")]
        // SAFETY: the picture is valid and both results outlive the call.
        let failed = unsafe { leptonica::pixFindSkew(self.raw(), &mut skew.degrees, &mut skew.confidence) };
        (failed == 0).then_some(skew)
    }

    /// Which way a binary, straight picture of text stands; `None` where it holds too few letters.
    pub(crate) fn stance(&self) -> Option<Stance> {
        let mut stance = Stance::default();
        #[expect(unsafe_code, reason = "a call of leptonica")]
        // SAFETY: the picture is valid and both results outlive the call; zeros ask for the defaults.
        let failed =
            unsafe { leptonica::pixOrientDetect(self.raw(), &mut stance.up, &mut stance.left, 0, 0) };
        (failed == 0).then_some(stance)
    }

    fn raw(&self) -> *mut leptonica::Pix {
        *AsRef::<*mut leptonica::Pix>::as_ref(&*self.0)
    }
}

/// Takes over what a call of leptonica gave, unless that is nothing.
fn own(raw: *mut leptonica::Pix) -> Option<Picture> {
    if raw.is_null() {
        return None;
    }
    #[expect(unsafe_code, reason = "the pointer leptonica gave")]
    // SAFETY: it is valid and ours alone, as every function called here gives a new picture.
    Some(Picture(unsafe { RefCountedExclusive::new(Pix::new_from_pointer(raw)) }))
}

/// Silences leptonica, whose messages would fill the child's standard error.
pub(crate) fn silence() {
    const NONE: i32 = 6;
    #[expect(unsafe_code, reason = "a call of leptonica")]
    // SAFETY: it sets one number, before any other thread uses leptonica.
    unsafe {
        leptonica::setMsgSeverity(NONE);
    }
}
