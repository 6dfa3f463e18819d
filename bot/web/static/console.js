// What the console adds for who has script: keys. Every page works without it; #keys lists them.
(function () {
  var LIST = ".tbl tbody tr, .rows > li, .conv, .plain-rows > li";
  var G_LASTS = 1500; // milliseconds in which a letter after g counts
  var gAt = 0;

  function typing(el) {
    return el.isContentEditable || /^(TEXTAREA|SELECT)$/.test(el.tagName) ||
      (el.tagName === "INPUT" && !/^(checkbox|radio|button|submit|reset)$/.test(el.type));
  }
  function seen(el) { return el.getClientRects().length > 0; }
  function linkOf(row) {
    return row.matches("a[href]") ? row : row.querySelector(".title a[href], .name a[href], a[href]");
  }
  function rows() {
    return Array.prototype.filter.call(document.querySelectorAll("#main :is(" + LIST + ")"), function (row) {
      return seen(row) && linkOf(row);
    });
  }

  // The place is kept by the row's link, so that a list that came anew keeps it.
  var at = null;
  function place(list) {
    return list.findIndex(function (row) { return row.classList.contains("is-at"); });
  }
  function stand(row, list) {
    list.forEach(function (one) { one.classList.toggle("is-at", one === row); });
    at = linkOf(row).getAttribute("href");
    linkOf(row).focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }
  function move(by) {
    var list = rows();
    if (!list.length) return;
    var now = place(list);
    stand(list[now < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(now + by, 0), list.length - 1)], list);
  }
  document.addEventListener("htmx:afterSettle", function () {
    var list = rows();
    if (at === null || place(list) >= 0) return;
    var again = list.find(function (row) { return linkOf(row).getAttribute("href") === at; });
    if (again) again.classList.add("is-at");
  });

  function openKeys() {
    location.hash = "keys";
    var table = document.querySelector("#keys .dialog");
    if (table) table.focus();
  }
  function close() {
    var veil = document.querySelector(".dialog-veil:target");
    if (veil) { location.hash = "main"; return true; }
    var menu = document.querySelector("details.menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); return true; }
    return false;
  }
  function go(letter) {
    var link = document.querySelector('[data-go="' + letter + '"]');
    if (link) link.click();
    return Boolean(link);
  }
  function search() {
    var field = document.getElementById("q");
    if (field) { field.focus(); field.select(); }
    return Boolean(field);
  }
  function enter(target) {
    if (target.closest("a, button, summary, input")) return false; // it opens by itself
    var list = rows(), now = place(list);
    if (now < 0) return false;
    linkOf(list[now]).click();
    return true;
  }

  function pressed(e) {
    var afterG = Date.now() - gAt < G_LASTS;
    gAt = 0;
    if (e.key === "Escape") return close();
    if (afterG && /^[a-z]$/.test(e.key) && go(e.key)) return true;
    if (document.querySelector(".dialog-veil:target")) return false;
    switch (e.key) {
      case "/": return search();
      case "j": move(1); return true;
      case "k": move(-1); return true;
      case "g": gAt = Date.now(); return true;
      case "?": openKeys(); return true;
      case "Enter": return enter(e.target);
      default: return false;
    }
  }
  // A question that was open stays open when the part it stands in is read anew: a browser looks for its target once.
  document.addEventListener("htmx:afterSettle", function () {
    var asked = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (asked && asked.classList.contains("dialog-veil") && !asked.matches(":target")) location.replace(location.hash);
  });
  // A strip of tabs wider than the screen begins at the open one.
  document.querySelectorAll(".tabs [aria-current]").forEach(function (tab) {
    var strip = tab.closest(".tabs");
    strip.scrollLeft = tab.offsetLeft - strip.offsetLeft - (strip.clientWidth - tab.offsetWidth) / 2;
  });
  document.addEventListener("keydown", function (e) {
    if (e.defaultPrevented || e.isComposing || e.ctrlKey || e.metaKey || e.altKey) return;
    if (typing(e.target) && e.key !== "Escape") return;
    if (typing(e.target)) { e.target.blur(); return; }
    if (pressed(e)) e.preventDefault();
  });
})();
