/** How figures and dates are written in other languages. */

import assert from "node:assert/strict";
import { test } from "node:test";

const NOVEMBER = Date.UTC(2026, 10, 27, 19, 2, 31);

/** The module as a browser of these languages loads it. @param {unknown} languages */
async function formatIn(languages) {
  Object.defineProperty(globalThis, "navigator", { value: { languages }, configurable: true });
  return import(`../../photon_app/ui/live/format.js?${JSON.stringify(languages)}`);
}
const plain = (text) => text.replaceAll("\u00a0", " ").replaceAll("\u2212", "-");

test("German has a comma, points between thousands, and the day before the month", async () => {
  const format = await formatIn(["de-DE", "en-US"]);
  assert.deepEqual([format.price(92_490.82, 2), format.change(-0.5, 2), format.percent(1.5), format.volume(41_234), format.size(25_000), format.age(200), format.exact(0.00012)].map(plain),
    ["92.490,82", "-0,50", "+1,50 %", "41,2 K", "25.000", "0,2 s", "0,00012"]);
  assert.equal(format.date(NOVEMBER), "Fr., 27. Nov. 2026");
  assert.equal(format.day(NOVEMBER), "Fr., 27. Nov.");
});

test("a date on the chart's axis has room for its letters", async () => {
  await formatIn(["de-DE"]);
  const { MARK_ROOM, markOf } = await import("../../photon_app/ui/live/legend.js");
  assert.equal(markOf(NOVEMBER, 50, "1h"), "27. Nov.");
  assert.ok(MARK_ROOM >= 5.5 * "27. Sept.".length + 10 && MARK_ROOM < 80);
});

test("times of day and zones are the same in every language", async () => {
  for (const languages of [["de-DE"], ["fi-FI"], ["ar-EG"], ["en-AU"], ["bn-BD"]]) {
    const format = await formatIn(languages);
    assert.deepEqual([format.clock(NOVEMBER), format.zoneName("exchange"), format.zoneName("Europe/Berlin", NOVEMBER)], ["14:02:31", "ET", "GMT+1"]);
  }
});

test("digits are 0 to 9 and years Gregorian, whatever a language has", async () => {
  for (const language of ["ar-EG", "fa-IR", "mr-IN", "my-MM", "th-TH-u-ca-buddhist-nu-thai", "ar-SA-u-ca-islamic-umalqura"]) {
    const format = await formatIn([language]);
    assert.match(format.price(490.82, 2), /^490[.,]82$/);
    assert.match(format.date(NOVEMBER), /27.*2026|2026.*27/);
  }
});

test("a date that is written from right to left is kept apart from what stands beside it", async () => {
  assert.match((await formatIn(["ar-EG"])).day(NOVEMBER), /^\u2068.*\u2069$/);
  assert.match((await formatIn(["ja-JP"])).day(NOVEMBER), /^11月27日/);
});

test("languages that are none leave American English", async () => {
  for (const languages of [undefined, [], ["en-US@posix"], ["C"], ["xx-XX"], [null], "de_DE"]) {
    assert.equal((await formatIn(languages)).price(1_234_567.5, 2), "1,234,567.50", JSON.stringify(languages));
  }
});
