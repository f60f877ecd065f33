//! The machine that runs a transformation: QuickJS, with limits on time, memory and output.
//!
//! A machine is made once for a transformation and used again by the same thread, for making one takes ten times as long
//! as a small transformation does. Each run begins with the code's own top level, and all that was there before it is
//! read-only, so nothing that a run keeps is there in the next one. A machine in which something went wrong is thrown away,
//! and so is one that has run for long, for the engine keeps names and shapes of what it has seen.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use rquickjs::atom::PredefinedAtom;
use rquickjs::context::intrinsic::{Date, Eval, Json, MapSet, Promise, RegExp, RegExpCompiler, TypedArrays};
use rquickjs::{CaughtError, Context, Ctx, Error, Exception, Function, Object, Persistent, Runtime, Value};
use rustix::time::{ClockId, clock_gettime};

use super::Transformed;

/// What a machine may have of memory, in bytes.
const MEMORY_MAX: usize = 16 << 20;
/// How deep calls may be, in bytes of stack.
const STACK_MAX: usize = 256 << 10;
/// The processor time of one run.
const TIME_MAX: Duration = Duration::from_millis(50);
/// Runs after which a machine is made anew.
const RUNS_MAX: u32 = 1_000;
/// Machines that a thread keeps.
const KEPT: usize = 32;
/// The longest text of an error that is passed on, in characters.
const ERROR_MAX: usize = 300;

/// What is said where there is no memory for a machine.
const NO_MEMORY: &str = "This server is short of memory.";

/// What is said of a handler that returns a promise.
const ASYNC: &str = "`handler` is `async`: it has nothing to wait for and must return the webhook.";

/// What of the language there is: no proxies, no weak references, no timers.
type Language = (Date, Eval, RegExpCompiler, RegExp, Json, MapSet, TypedArrays, Promise);

/// Takes the clock and the dice away, and makes all that is there before the code read-only, so that no run can leave
/// anything behind for the next one; returns a function that sets the time.
///
/// What stands in a frozen prototype cannot be assigned in an object of that kind either, so what code does assign there, such as
/// the `name` of an error, is made to be a member of the object. `eval` goes, for what it declares at the top stays.
const PRELUDE: &str = "(() => {
  const Real = Date; let now = 0;
  function Fixed(...given) {
    if (!new.target) return new Real(now).toString();
    return Reflect.construct(Real, given.length ? given : [now], new.target);
  }
  Fixed.prototype = Real.prototype;
  Real.prototype.constructor = Fixed;
  Fixed.now = () => now; Fixed.parse = Real.parse; Fixed.UTC = Real.UTC;
  globalThis.Date = Fixed;
  delete Math.random;
  delete globalThis.eval;
  const { defineProperty, freeze, getOwnPropertyDescriptor, getPrototypeOf } = Object;
  const loosen = (shared) => {
    for (const name of Reflect.ownKeys(shared)) {
      const found = getOwnPropertyDescriptor(shared, name);
      if (!found.configurable || !('value' in found)) continue;
      const { value, enumerable } = found;
      defineProperty(shared, name, {
        get() { return value },
        set(own) {
          if (this === shared) throw new TypeError(`'${String(name)}' is read-only`);
          defineProperty(this, name, { value: own, writable: true, enumerable: true, configurable: true });
        },
        enumerable, configurable: false,
      });
    }
  };
  const kinds = [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError];
  [Object.prototype, Function.prototype, ...kinds.map((kind) => kind.prototype)].forEach(loosen);
  const seen = new Set();
  const harden = (thing) => {
    if (thing === null || (typeof thing !== 'object' && typeof thing !== 'function') || seen.has(thing)) return;
    seen.add(thing);
    freeze(thing);
    harden(getPrototypeOf(thing));
    for (const name of Reflect.ownKeys(thing)) {
      const { value, get, set } = getOwnPropertyDescriptor(thing, name);
      harden(value); harden(get); harden(set);
    }
  };
  harden(globalThis);
  // Kinds that have no name, and so are found in none.
  const unnamed = [function* () {}, async function () {}, async function* () {}, [].values(), new Map().keys(),
    new Set().keys(), ''[Symbol.iterator](), 'a'.matchAll(/a/g)];
  unnamed.forEach((one) => harden(getPrototypeOf(one)));
  return (at) => { now = at };
})()";

thread_local! {
    /// The machines of this thread, the one that was used last in front.
    static MACHINES: RefCell<Vec<Machine>> = const { RefCell::new(Vec::new()) };
}

/// A machine of one transformation. What is held of its objects has to go before it does.
struct Machine {
    no: u64,
    runs: u32,
    /// Lines that the code has.
    lines: u32,
    begin: Persistent<Function<'static>>,
    set_time: Persistent<Function<'static>>,
    context: Context,
    meter: Rc<Meter>,
    _runtime: Runtime,
}

/// When a run has to be over.
#[derive(Debug, Default)]
struct Meter {
    deadline: Cell<Duration>,
    ran_out: Cell<bool>,
}

impl Meter {
    fn start(&self) {
        self.deadline.set(processor_time() + TIME_MAX);
        self.ran_out.set(false);
    }

    /// Whether the time is over; asked every ten thousand steps.
    fn is_over(&self) -> bool {
        let is_over = processor_time() > self.deadline.get();
        self.ran_out.set(self.ran_out.get() || is_over);
        is_over
    }
}

/// What this thread has had of a processor. A machine with much to do takes nothing away from a transformation by that.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Looks whether code can be run and has a `handler`.
pub(super) fn check(code: &str) -> Result<(), String> {
    parse(code)?;
    let machine = Machine::new(u64::MAX, code)?;
    machine.context.with(|ctx| {
        let handler = machine.handler(&ctx).map_err(|fault| machine.sentence(&ctx, fault))?;
        // What makes promises is known by its prototype, whether or not it is ever called.
        let kind: String = handler
            .get_prototype()
            .and_then(|kind| kind.get(PredefinedAtom::SymbolToStringTag).ok())
            .unwrap_or_default();
        if kind.starts_with("Async") { Err(ASYNC.to_owned()) } else { Ok(()) }
    })
}

/// Looks whether code is whole by itself: a function that is not closed would be told of what a machine puts behind the code,
/// and code that closes more than it opens would be let out of the function that a machine puts around it.
fn parse(code: &str) -> Result<(), String> {
    let none = |_| NO_MEMORY.to_owned();
    let runtime = Runtime::new().map_err(none)?;
    runtime.set_memory_limit(MEMORY_MAX);
    runtime.set_max_stack_size(STACK_MAX);
    let context = Context::custom::<Language>(&runtime).map_err(none)?;
    context.with(|ctx| {
        // Nothing of it is run, for what stands in front ends it.
        let ended = ctx.eval::<(), _>(format!("throw 0;{code}"));
        match ended.map_err(|error| CaughtError::from_error(&ctx, error)) {
            Err(CaughtError::Exception(exception)) => Err(exception_sentence(&exception, lines(code))),
            _ => Ok(()),
        }
    })
}

/// Runs `handler` of this code on a webhook, which is JSON.
pub(super) fn run(no: u64, code: &str, webhook: &str, at: i64, payload_max: usize) -> Result<Transformed, String> {
    let kept = MACHINES.with_borrow_mut(|machines| {
        machines.iter().position(|machine| machine.no == no).map(|place| machines.remove(place))
    });
    let mut machine = match kept {
        Some(machine) => machine,
        None => Machine::new(no, code)?,
    };
    let returned = machine.run(webhook, at, payload_max)?;
    if machine.runs < RUNS_MAX {
        MACHINES.with_borrow_mut(|machines| {
            machines.insert(0, machine);
            machines.truncate(KEPT);
        });
    }
    Ok(returned)
}

impl Machine {
    fn new(no: u64, code: &str) -> Result<Self, String> {
        let none = |_| NO_MEMORY.to_owned();
        let runtime = Runtime::new().map_err(none)?;
        runtime.set_memory_limit(MEMORY_MAX);
        runtime.set_max_stack_size(STACK_MAX);
        let meter = Rc::new(Meter::default());
        meter.start();
        let asked = meter.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || asked.is_over())));
        let context = Context::custom::<Language>(&runtime).map_err(none)?;
        let lines = lines(code);
        let (set_time, begin) = context.with(|ctx| {
            let set_time: Function<'_> = ctx.eval(PRELUDE).map_err(none)?;
            // In one line with the code, so that the lines of errors are those of its owner.
            let source =
                format!("(function () {{{code}\n;return typeof handler === 'function' ? handler : undefined}})");
            let begin: Function<'_> = ctx.eval(source).map_err(|error| sentence(&ctx, &meter, lines, error))?;
            Ok::<_, String>((Persistent::save(&ctx, set_time), Persistent::save(&ctx, begin)))
        })?;
        Ok(Self { no, runs: 0, lines, begin, set_time, context, meter, _runtime: runtime })
    }

    fn run(&mut self, webhook: &str, at: i64, payload_max: usize) -> Result<Transformed, String> {
        self.runs += 1;
        self.meter.start();
        self.context.with(|ctx| {
            let returned = self.call(&ctx, webhook, at).map_err(|fault| self.sentence(&ctx, fault))?;
            let returned = returned.into_object().filter(|object| !object.is_function() && !object.is_array());
            let returned = returned.ok_or("`handler` did not return the webhook: end it with `return webhook`.")?;
            if returned.is_promise() {
                return Err(ASYNC.to_owned());
            }
            read(&ctx, &returned, payload_max).map_err(|fault| self.sentence(&ctx, fault))
        })
    }

    /// Runs the code's top level, for its function.
    fn handler<'js>(&self, ctx: &Ctx<'js>) -> Result<Function<'js>, Fault> {
        let handler: Option<Function<'js>> = self.begin.clone().restore(ctx)?.call(())?;
        handler.ok_or_else(|| Fault::Said("There is no `function handler(webhook) { ... return webhook }`.".to_owned()))
    }

    fn call<'js>(&self, ctx: &Ctx<'js>, webhook: &str, at: i64) -> Result<Value<'js>, Fault> {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of all years are exact")]
        self.set_time.clone().restore(ctx)?.call::<_, ()>((at as f64,))?;
        let webhook = ctx.json_parse(webhook)?;
        Ok(self.handler(ctx)?.call((webhook,))?)
    }

    fn sentence(&self, ctx: &Ctx<'_>, fault: Fault) -> String {
        match fault {
            Fault::Thrown(error) => sentence(ctx, &self.meter, self.lines, error),
            Fault::Said(sentence) => sentence,
        }
    }
}

/// What was wrong with code, or with what came back.
enum Fault {
    Thrown(Error),
    Said(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Thrown(error)
    }
}

fn read<'js>(ctx: &Ctx<'js>, webhook: &Object<'js>, payload_max: usize) -> Result<Transformed, Fault> {
    let said = |text: &str| Fault::Said(text.to_owned());
    let text = |name: &str| -> Result<String, Fault> {
        let value: Value<'js> = webhook.get(name)?;
        let text = value
            .into_string()
            .ok_or_else(|| Fault::Said(format!("`{name}` of what `handler` returned is no text.")))?;
        Ok(text.to_string()?)
    };
    let cancel: Value<'js> = webhook.get("cancel")?;
    match cancel.as_bool() {
        Some(true) => return Ok(Transformed { cancel: true, ..Transformed::default() }),
        Some(false) => {}
        None if cancel.is_undefined() || cancel.is_null() => {}
        // Whoever writes `cancel = "yes"` wants nothing sent: that must not be passed over.
        None => return Err(said("`cancel` of what `handler` returned is neither true nor false.")),
    }
    let payload: Value<'js> = webhook.get("payload")?;
    let payload =
        ctx.json_stringify(payload)?.ok_or_else(|| said("`payload` of what `handler` returned is no JSON."))?;
    let payload = payload.to_string()?;
    if payload.len() > payload_max {
        return Err(said("`payload` of what `handler` returned has more than 4 MiB."));
    }
    let headers = headers(webhook.get("headers")?)?;
    Ok(Transformed { method: text("method")?, url: text("url")?, payload, headers, cancel: false })
}

/// The headers that are to be added; none of them may be left out by a mistake of form.
fn headers(given: Value<'_>) -> Result<Vec<(String, String)>, Fault> {
    let said = |text: &str| Fault::Said(text.to_owned());
    if given.is_undefined() || given.is_null() {
        return Ok(Vec::new());
    }
    let given = given.into_object().filter(|object| !object.is_function() && !object.is_array());
    let given = given.ok_or_else(|| said("`headers` of what `handler` returned is no object of texts by name."))?;
    let mut read = Vec::new();
    for entry in given.props::<String, Value<'_>>() {
        let (name, value) = entry?;
        let value = value.as_string().map(rquickjs::String::to_string).transpose()?;
        let value = value.ok_or_else(|| said("A value in `headers` of what `handler` returned is no text."))?;
        read.push((name, value));
    }
    Ok(read)
}

/// An error in words for whoever wrote the code.
fn sentence(ctx: &Ctx<'_>, meter: &Meter, lines: u32, error: Error) -> String {
    let caught = CaughtError::from_error(ctx, error);
    if meter.ran_out.get() {
        return "It took more than 50 ms of processor time.".to_owned();
    }
    let thrown = match caught {
        CaughtError::Exception(exception) => return exception_sentence(&exception, lines),
        CaughtError::Value(value) => value.as_string().and_then(|text| text.to_string().ok()),
        CaughtError::Error(error) => Some(error.to_string()),
    };
    placed(thrown.as_deref().unwrap_or("something that is no error"), None)
}

/// The same of an error that says where it was thrown.
fn exception_sentence(exception: &Exception<'_>, lines: u32) -> String {
    // Code that ends too early is found out in what stands behind it, which its owner has not written.
    let line = exception.stack().as_deref().and_then(line).map(|line| line.min(lines));
    placed(&exception.message().unwrap_or_default(), line)
}

fn placed(text: &str, line: Option<u32>) -> String {
    if text.is_empty() || text.starts_with("out of memory") {
        return "It takes more than 16 MiB of memory.".to_owned();
    }
    let text: String = text.chars().take(ERROR_MAX).collect();
    // As it was written: a name at its beginning is a name of the code. Only the end of the code is no token that could be shown.
    let text = match text.trim_end_matches('.') {
        "unexpected token in expression: ''" => "the code ends too early, for something in it is not closed",
        text => text,
    };
    match line {
        Some(line) => format!("In line {line}: {text}."),
        None => format!("It threw: {text}."),
    }
}

/// How many lines code has.
fn lines(code: &str) -> u32 {
    u32::try_from(code.lines().count()).unwrap_or(u32::MAX).max(1)
}

/// The line of the code at the head of a stack, `at handler (eval_script:3:11)`.
fn line(stack: &str) -> Option<u32> {
    let (_, behind) = stack.lines().find_map(|frame| frame.split_once("eval_script:"))?;
    behind.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
