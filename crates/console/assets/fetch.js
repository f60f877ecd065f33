// How scripts ask for pages: the server renders, nothing else does. A page comes as a document that runs no script and
// loads nothing. In the portal every request carries the token that the link came with; there is no cookie.

const place = location.pathname.match(/^\/portal\/([^/]+)\/([^/]+)/);
/** Whether this is the portal. */
export const isPortal = location.pathname.startsWith("/portal");
const key = place && `ringback ${place[1]} ${place[2]}`;
/** For browsers that keep nothing for a page in a frame. */
let held = "";

/** The token of this application, as long as the tab is open. */
function token() {
  try {
    return sessionStorage.getItem(key) ?? held;
  } catch {
    return held;
  }
}

/** Takes the token out of the address, so that it stands in no history and is not copied along with it. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!given || !key) return;
  held = given;
  try {
    sessionStorage.setItem(key, given);
  } catch {
    // It is held until the tab is closed or loaded anew.
  }
  history.replaceState(null, "", location.pathname + location.search);
}

/** Asks; `as` is what the answer is to be: a document or a blob. */
export function ask(method, url, fields = null, as = "document") {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.responseType = as;
    if (isPortal) request.setRequestHeader("Authorization", `Bearer ${token()}`);
    if (fields) request.setRequestHeader("Content-Type", "application/x-www-form-urlencoded");
    request.onload = () => (request.response ? resolve(request) : reject(new Error("no page")));
    request.onerror = () => reject(new Error("no answer"));
    request.send(fields?.toString());
  });
}
