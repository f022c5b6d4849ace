// Streamlit's phone menu says it is a list, and puts its items inside groups that no list may have. Without those roles it is what it is: links under headings.

const MISTOLD = '[data-testid="stSidebarNavItems"]:not([role]), [data-testid="stSidebarNavItems"] li:not([role])';
const mend = () => document.querySelectorAll(MISTOLD).forEach((element) => element.setAttribute("role", "none"));
let watching = null;

export default function () {
  mend();
  if (!watching) {
    watching = new MutationObserver(mend); // the menu is drawn anew whenever it opens
    watching.observe(document.body, { childList: true, subtree: true });
  }
}
