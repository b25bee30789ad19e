/**
 * The box that finds and adds symbols: a combobox of the WAI-ARIA kind; on a phone a page of its own.
 *
 * What is suggested is added at once, or selected if it is in the list. A text that Enter takes
 * without one, or that is a list, goes to the server, which answers with the symbols that it names.
 * The box keeps what is typed until it is added: also when the visitor leaves, and when it is refused.
 */

import { useEffect, useRef, useState } from "react";
import { address, stacked } from "./address.js";
import { choose } from "./choices.js";
import { size } from "./format.js";
import { ask, photon } from "./hooks.js";
import { asked, completed, full, learn, lines, listed, Lookup, MOST_CHARS, moved, options, outcome, parts, preselected, recent, remember } from "./suggest.js";
import { watchlist } from "./watchlist.js";

const ID = "add-symbol", LIST = "suggestions", NOTICE = "add-notice";
const WAIT = "Looking it up…";
const AWAY = "Photon cannot be reached: it is looked up when it is back";
const READ_MS = 8_000; // how long it says what was added
const TOO_LONG = `More than ${size(MOST_CHARS)} characters: paste them in parts`;
/** @typedef {import("./suggest.js").Option} Option @typedef {import("./suggest.js").Listing} Listing */

/** @param {{path: string}} props */
const Icon = ({ path }) => (
  <svg className="finder-icon" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true"><path d={path} /></svg>
);
const GLASS = "M11.5 7a4.5 4.5 0 1 1-9 0a4.5 4.5 0 0 1 9 0M10.5 10.5 14 14";
const CROSS = "m4.5 4.5 7 7M11.5 4.5l-7 7";
const PLUS = "M8 3v10M3 8h10";
const TICK = "m3 8.5 3.5 3.5L13 4.5";

/** The name with what was typed marked in it. @param {{name: string, typed: string}} props */
function Name({ name, typed }) {
  const [before, hit, after] = parts(name, typed);
  return <span className="option-name">{before}<mark>{hit}</mark>{after}</span>;
}

/** What an option says. @param {{option: Option, typed: string, held: boolean}} props */
function Words({ option: { kind, symbol, name, type }, typed, held }) {
  if (kind === "list") return <span className="option-all">Add all of <b>{symbol}</b></span>;
  if (kind === "typed") return <><span className="option-all">Add “<b>{symbol}</b>” as typed</span><span className="option-type">Unlisted: may be rejected</span></>;
  return (
    <>
      <b>{symbol}</b>
      <Name name={name} typed={typed} />
      <span className="option-type">{held ? "in the list" : type}</span>
    </>
  );
}

/**
 * @param {{symbols: string[], names: Record<string, string>, limit: number, reply: {id?: string, symbols?: string[], unknown?: string[], notice?: string},
 *   onFind: (typed: string) => void, onTake: (typed: string) => void}} props
 *   `reply`: what the text names that was sent by `onFind`, or by `onTake` to be taken as it was typed
 */
export function SymbolSearch({ symbols = [], names = {}, limit = 0, reply = {}, onFind, onTake }) {
  const form = useRef(/** @type {any} */ (null)), input = useRef(/** @type {any} */ (null));
  const sent = useRef(/** @type {?string} */ (null)); // the text that the server was asked for last
  const [typed, setTyped] = useState("");
  const [answer, setAnswer] = useState({ query: "", found: /** @type {Listing[]} */ ([]) });
  const [open, setOpen] = useState(false);
  const [place, setPlace] = useState(/** @type {?number} */ (null)); // null: where Enter goes by itself
  const [notice, setNotice] = useState("");
  const [unknown, setUnknown] = useState("");
  const [lookup] = useState(() => new Lookup(ask, (found, query) => {
    learn(found.map(({ symbol, name }) => /** @type {const} */ ([symbol, name])));
    setAnswer({ query, found });
    setPlace(null);
  }));

  /** @param {string} text @param {?Listing[]} found @param {Listing[]} [before] */
  const offer = (text, found, before) => options(text, found, { before, held: symbols, unknown });
  const found = answer.query === asked(typed) ? answer.found : null;
  const offered = !open ? [] : typed.trim() ? offer(typed, found, answer.found) : recent();
  const at = place === null ? preselected(offered, typed) : Math.min(place, offered.length - 1);
  const isFull = limit > 0 && symbols.length >= limit;

  const put = (/** @type {string} */ text) => { input.current.value = text; setTyped(text); setPlace(null); };
  const drop = () => { sent.current = null; put(""); }; // what the server is asked for is not wanted any more
  const look = () => { setOpen(true); setPlace(null); lookup.type(input.current.value); };
  const close = () => { lookup.stop(); setOpen(false); setPlace(null); };
  const leave = () => {
    close();
    setNotice("");
    if (stacked()) input.current.blur();
  };
  const add = (/** @type {string[]} */ added) => { watchlist.add(added); remember(added); };

  useEffect(() => { setTyped(input.current.value); return () => lookup.stop(); }, []); // typed before the page was ready
  useEffect(() => { learn(Object.entries(names)); }, [names]);
  useEffect(() => { if (at >= 0) document.getElementById(`${LIST}-${at}`)?.scrollIntoView({ block: "nearest" }); }, [at]);
  useEffect(() => {
    if (!reply.id || sent.current === null) return; // of an earlier visit
    const after = outcome(reply, symbols, limit);
    if (after.added.length > 0) add(after.added);
    if (after.selected) choose("selected", after.selected);
    const same = input.current.value === sent.current; // not typed on
    if (same && after.rest !== null) put(after.rest);
    setUnknown(input.current.value);
    if (input.current.value || (after.notice && stacked())) look();
    else if (same) leave();
    setNotice(after.notice);
    if (!input.current.value) setTimeout(() => setNotice((shown) => (shown === after.notice ? "" : shown)), READ_MS);
  }, [reply.id]);

  /** @param {string} text @param {(typed: string) => void} act */
  const send = (text, act) => {
    if (sent.current === input.current.value && (notice === WAIT || notice === AWAY)) return; // it is being looked up
    sent.current = input.current.value;
    setNotice(/^(reconnecting|closed)$/.test(photon().status.connection) ? AWAY : WAIT);
    act(text);
  };
  const take = (/** @type {Option} */ { kind, symbol }) => {
    if (kind === "list") { send(symbol, onFind); return; }
    if (kind === "typed") { send(symbol, onTake); return; }
    const all = completed(typed, symbol);
    if (all !== symbol) { put(all); send(all, onFind); return; }
    const held = symbols.includes(symbol);
    if (!held && isFull) { setNotice(full(limit, symbol)); return; }
    if (!held) add([symbol]);
    address.select(symbol);
    put("");
    leave();
  };
  const entered = async (/** @type {import("react").FormEvent} */ event) => {
    event.preventDefault();
    const text = input.current.value;
    if (place !== null && offered[place]) { take(offered[place]); return; }
    const results = place === null && text.trim() && !listed(text, []) ? await lookup.settled(text) : [];
    if (input.current.value !== text) return; // typed on: the newer text counts
    const [first] = results ? offer(text, results) : [];
    if (place === null && first && first.kind !== "typed") take(first);
    else send(text, onFind);
  };
  const pressed = (/** @type {any} */ event) => {
    if (event.nativeEvent.isComposing || event.keyCode === 229) { // an input method's own keys, and not the page's
      event.nativeEvent.stopImmediatePropagation();
      if (event.key === "Enter") event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = (/** @type {1 | -1} */ by) => (offered.length > 0 ? setPlace(moved(at, offered.length, by)) : look());
    const shut = () => { close(); setNotice(""); };
    const escape = offered.length > 0 || notice ? shut : typed ? drop : null;
    if (event.key === "/" && !input.current.value) { event.preventDefault(); return; } // the key that leads here, pressed again
    const act = { ArrowDown: () => step(1), ArrowUp: () => step(-1), Escape: escape }[/** @type {string} */ (event.key)];
    if (!act) return;
    event.preventDefault();
    act();
  };
  const pasted = (/** @type {any} */ event) => {
    const clip = lines((event.clipboardData ?? event.dataTransfer).getData("text"));
    const { value, selectionStart, selectionEnd } = input.current;
    const tooLong = value.length - (selectionEnd - selectionStart) + clip.length > MOST_CHARS;
    if (!tooLong && !clip.includes(", ")) return; // as the browser does it
    event.preventDefault();
    if (tooLong) { setNotice(TOO_LONG); return; }
    input.current.setRangeText(clip, selectionStart, selectionEnd, "end");
    typedOn();
  };
  const typedOn = () => { setTyped(input.current.value); setNotice(""); look(); };
  const left = (/** @type {import("react").FocusEvent} */ event) => {
    if (form.current.contains(event.relatedTarget) || stacked()) return;
    close();
    setNotice("");
  };

  return (
    <form ref={form} role="search" className={`finder${open ? " open" : ""}${isFull ? " full" : ""}`} onSubmit={entered} onBlur={left}>
      <label htmlFor={ID} className="unseen">Add a symbol</label>
      <div className="finder-field">
        <Icon path={GLASS} />
        <input ref={input} id={ID} type="text" role="combobox" aria-autocomplete="list" aria-controls={LIST} aria-expanded={offered.length > 0}
          aria-activedescendant={at < 0 ? undefined : `${LIST}-${at}`} aria-describedby={NOTICE} placeholder={isFull ? `Full: ${limit} symbols` : "Add or find a symbol or company"}
          maxLength={MOST_CHARS} autoComplete="off" autoCapitalize="characters" autoCorrect="off" spellCheck={false} enterKeyHint="go"
          data-key="/" onInput={typedOn} onKeyDown={pressed} onFocus={look} onClick={() => open || look()} onPaste={pasted} onDrop={pasted} />
        <button type="button" className="finder-clear" aria-label="Clear" tabIndex={-1} hidden={!typed} onClick={() => { drop(); input.current.focus(); look(); }}><Icon path={CROSS} /></button>
        <kbd aria-hidden="true">/</kbd>
      </div>
      <button type="button" className="finder-plus" tabIndex={-1} aria-label="Find a symbol" onClick={() => input.current.focus()}><Icon path={PLUS} /></button>
      <button type="button" className="finder-cancel" tabIndex={-1} onClick={() => { drop(); leave(); }}>Cancel</button>
      <div className="finder-panel" hidden={offered.length === 0 && !notice} data-wait={notice === WAIT || null} onPointerDown={(event) => event.preventDefault()}>
        <p id={NOTICE} role="alert" className="finder-notice">{notice}</p>
        <p className="finder-title" hidden={offered.length === 0 || Boolean(typed.trim())}>Recent</p>
        <ul id={LIST} role="listbox" aria-label="Suggestions" hidden={offered.length === 0}>
          {offered.map((option, index) => (
            <li key={index} id={`${LIST}-${index}`} role="option" aria-selected={index === at} data-kind={option.kind} data-held={symbols.includes(option.symbol) || null} onClick={() => take(option)}>
              <Words option={option} typed={typed} held={symbols.includes(option.symbol)} />
              <Icon path={symbols.includes(option.symbol) ? TICK : PLUS} />
            </li>
          ))}
        </ul>
      </div>
      <p className="finder-hint">Paste a list: <b>AAPL, MSFT $NVDA</b> adds all three</p>
      <span className="unseen" role="status">{offered.length > 0 ? `${offered.length} suggestions` : ""}</span>
    </form>
  );
}
