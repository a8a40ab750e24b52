use super::*;
use proptest::prelude::*;

fn all(text: &str) -> Vec<Value> {
    values(text).into_iter().map(|(value, _)| value).collect()
}

fn reais(cents: i128) -> Value {
    Value::Money(Currency::Real, cents * UNIT / 100)
}

#[test]
fn money_is_read_as_brazil_and_iso_write_it() {
    assert_eq!(all("R$ 10.000,00 e R$1.234,5"), [reais(1_000_000), reais(123_450)]);
    assert_eq!(all("BRL 1,234.56; US$ 3"), [reais(123_456), Value::Money(Currency::Dollar, 3 * UNIT)]);
    assert_eq!(all("-R$ 5,00"), [reais(-500)]);
    assert_eq!(all("R$ 2 milhões"), [reais(200_000_000)]);
    assert_eq!(all("R$ 1,5 milhão de reais"), [reais(150_000_000)]);
    assert_eq!(all("cem mil reais e 45 reais"), [reais(4_500)]);
}

#[test]
fn percentages_numbers_and_years_are_told_apart() {
    assert_eq!(all("12,5% ou 3 por cento"), [Value::Percent(12_500_000), Value::Percent(3 * UNIT)]);
    assert_eq!(all("20.000 km em 2024"), [Value::Number(20_000 * UNIT), Value::Number(2024 * UNIT)]);
    assert_eq!(all("v2.1 LGPL3 2ª 12h"), []);
    assert_eq!(all("0.5 e 1.5"), [Value::Number(UNIT / 2), Value::Number(UNIT * 3 / 2)]);
}

#[test]
fn days_are_read_in_every_usual_form() {
    let day = Value::Date(Date::new(2024, 3, 12).unwrap());
    for text in
        ["12/03/2024", "2024-03-12", "12.03.2024", "12 de março de 2024", "12 March 2024", "March 12, 2024"]
    {
        assert_eq!(all(&format!("em {text}.")), std::slice::from_ref(&day), "{text}");
    }
    assert_eq!(all("1º de janeiro de 2025"), [Value::Date(Date::new(2025, 1, 1).unwrap())]);
    assert_eq!(Date::new(2023, 2, 29), None);
    assert_eq!(Date::of_unix_ms(1_709_164_800_000), Date::new(2024, 2, 29));
}

#[test]
fn tax_numbers_are_checked() {
    assert_eq!(all("CPF 529.982.247-25"), [Value::Cpf("52998224725".into(), true)]);
    assert_eq!(all("CPF 529.982.247-26"), [Value::Cpf("52998224726".into(), false)]);
    assert_eq!(all("CPF 111.111.111-11"), [Value::Cpf("11111111111".into(), false)]);
    assert_eq!(all("CNPJ 11.222.333/0001-81"), [Value::Cnpj("11222333000181".into(), true)]);
    assert_eq!(all("CNPJ 12.ABC.345/01DE-35"), [Value::Cnpj("12ABC34501DE35".into(), true)]);
}

#[test]
fn a_literal_is_one_value_and_nothing_else() {
    assert_eq!(literal(Kind::Money, "R$ 10.000,00"), Some(reais(1_000_000)));
    assert_eq!(literal(Kind::Money, "10.000,00"), Some(reais(1_000_000)));
    assert_eq!(literal(Kind::Percent, "50%"), Some(Value::Percent(50 * UNIT)));
    assert_eq!(literal(Kind::Percent, "0,5"), Some(Value::Percent(UNIT / 2)));
    assert_eq!(literal(Kind::Date, "01/01/2024"), Date::new(2024, 1, 1).map(Value::Date));
    assert_eq!(literal(Kind::Date, "31/02/2024"), None);
    assert_eq!(literal(Kind::Money, "R$ dez"), None);
    assert_eq!(literal(Kind::Money, "R$ 10 e mais"), None);
    assert_eq!(literal(Kind::Number, "3"), Some(Value::Number(3 * UNIT)));
}

proptest! {
    #[test]
    fn any_text_has_values_inside_it_and_in_order(text in "[0-9RUS$€.,/%º -]{0,40}|\\PC{0,40}") {
        let mut last = 0;
        for (_, range) in values(&text) {
            prop_assert!(range.start >= last || range.start <= range.end);
            prop_assert!(text.get(range.clone()).is_some());
            last = range.end;
        }
        for kind in [Kind::Money, Kind::Percent, Kind::Number, Kind::Date, Kind::Cpf, Kind::Cnpj] {
            let _ = literal(kind, &text);
        }
    }

    #[test]
    fn an_amount_that_is_written_is_read_again(cents in 0i128..10_000_000_000) {
        let (whole, part) = (cents / 100, cents % 100);
        let digits = whole.to_string();
        let mut grouped = String::new();
        for (at, c) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at) % 3 == 0 { grouped.push('.'); }
            grouped.push(c);
        }
        let written = format!("R$ {grouped},{part:02}");
        prop_assert_eq!(all(&written), [reais(cents)]);
        prop_assert_eq!(literal(Kind::Money, &written), Some(reais(cents)));
    }
}
