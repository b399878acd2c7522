//! Times of the reference: a calendar that counts days one by one, in UTC.

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Formats of `strftime` that are generated; those without a date may be read back, too.
pub const FORMATS: [&str; 10] = [
    "%Y-%m-%d %H:%M:%S",
    "%F %T",
    "%d.%m.%y",
    "%b %e %H:%M",
    "%A %j",
    "%I:%M %p",
    "%s",
    "%a %w%%",
    "%T.%3N",
    "%B %k|%l",
];

/// Texts and formats of `strptime`.
pub const STAMPS: [(&str, &str); 8] = [
    ("2024-02-29 08:09:10", "%Y-%m-%d %H:%M:%S"),
    ("2023-02-29 08:09:10", "%Y-%m-%d %H:%M:%S"),
    ("1970-01-01 00:00:00", "%F %T"),
    ("1969-12-31 23:59:59", "%F %T"),
    ("2024-13-01 00:00:00", "%F %T"),
    ("2024-02-29 08:09:10 rest", "%F %T"),
    ("up", "%F %T"),
    ("2024-02-29 24:00:00", "%F %T"),
];

/// Parts of relative times: as written, and what they do.
pub const STEPS: [(&str, Step); 14] = [
    ("-1s", Step::Seconds(-1)),
    ("-90s", Step::Seconds(-90)),
    ("+5m", Step::Seconds(300)),
    ("-2h", Step::Seconds(-7200)),
    ("+1d", Step::Seconds(86_400)),
    ("-1w", Step::Seconds(-604_800)),
    ("-1mon", Step::Months(-1)),
    ("+3mon", Step::Months(3)),
    ("-1y", Step::Months(-12)),
    ("-1q", Step::Months(-3)),
    ("@d", Step::SnapSeconds(86_400)),
    ("@h", Step::SnapSeconds(3600)),
    ("@mon", Step::SnapMonths(1)),
    ("@q", Step::SnapMonths(3)),
];

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Seconds(i64),
    Months(i64),
    SnapSeconds(i64),
    SnapMonths(i64),
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970 to a day.
fn days_to(year: i64, month: i64, day: i64) -> i64 {
    let length = |year: i64| if is_leap(year) { 366 } else { 365 };
    let years: i64 = (1970..year).map(length).sum::<i64>() - (year..1970).map(length).sum::<i64>();
    years + (1..month).map(|month| days_of(year, month)).sum::<i64>() + day - 1
}

/// Year, month and day of a number of days from 1970.
fn date_of(days: i64) -> (i64, i64, i64) {
    let mut year = 1970;
    while days_to(year + 1, 1, 1) <= days {
        year += 1;
    }
    while days_to(year, 1, 1) > days {
        year -= 1;
    }
    let month = (1..=12).rev().find(|month| days_to(year, *month, 1) <= days).expect("a month");
    (year, month, days - days_to(year, month, 1) + 1)
}

pub fn format(time: f64, format: &str) -> String {
    let seconds = time.floor() as i64;
    let (days, second_of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date_of(days);
    let weekday = (days + 4).rem_euclid(7);
    let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
    let hour_12 = (hour + 11) % 12 + 1;
    let month_name = MONTHS[month as usize - 1];
    let day_name = DAYS[weekday as usize];
    let mut text = format.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S");
    for (variable, value) in [
        ("%Y", format!("{year}")),
        ("%y", format!("{:02}", year % 100)),
        ("%m", format!("{month:02}")),
        ("%d", format!("{day:02}")),
        ("%e", format!("{day:2}")),
        ("%j", format!("{:03}", days - days_to(year, 1, 1) + 1)),
        ("%H", format!("{hour:02}")),
        ("%k", format!("{hour:2}")),
        ("%I", format!("{hour_12:02}")),
        ("%l", format!("{hour_12:2}")),
        ("%M", format!("{minute:02}")),
        ("%S", format!("{second:02}")),
        ("%p", if hour < 12 { "AM" } else { "PM" }.to_owned()),
        ("%a", day_name[..3].to_owned()),
        ("%A", day_name.to_owned()),
        ("%b", month_name[..3].to_owned()),
        ("%B", month_name.to_owned()),
        ("%w", format!("{weekday}")),
        ("%s", format!("{seconds}")),
        ("%3N", format!("{:03}", ((time - time.floor()) * 1000.0).floor())),
        ("%%", "%".to_owned()),
    ] {
        text = text.replace(variable, &value);
    }
    text
}

/// Reads `YYYY-mm-dd HH:MM:SS`, the only form that is generated; what follows does not matter.
pub fn parse(text: &str) -> Option<f64> {
    let form = regex::Regex::new(r"^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)").expect("a valid pattern");
    let groups = form.captures(text)?;
    let [year, month, day, hour, minute, second] =
        [1, 2, 3, 4, 5, 6].map(|group| groups[group].parse::<i64>().expect("digits"));
    let is_date = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    let is_time = hour < 24 && minute < 60 && second < 60;
    (is_date && is_time).then(|| (days_to(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second) as f64)
}

pub fn relative(time: f64, steps: &[Step]) -> f64 {
    let (mut seconds, mut fraction) = (time.floor() as i64, time - time.floor());
    for step in steps {
        let (year, month, day) = date_of(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        match step {
            Step::Seconds(n) => seconds += n,
            Step::Months(n) => {
                let months = 12 * year + month - 1 + n;
                let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
                seconds = days_to(year, month, day.min(days_of(year, month))) * 86_400 + of_day;
            }
            Step::SnapSeconds(n) => {
                seconds -= seconds.rem_euclid(*n);
                fraction = 0.0;
            }
            Step::SnapMonths(n) => {
                seconds = days_to(year, month - (month - 1) % n, 1) * 86_400;
                fraction = 0.0;
            }
        }
    }
    seconds as f64 + fraction
}
