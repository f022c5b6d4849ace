export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".strip");
  root.replaceChildren();
  data.tokens.forEach((pieces, index) => {
    const chip = document.createElement("button");
    chip.textContent = pieces.join("");
    chip.onclick = () => setTriggerValue("clicked", index);
    root.append(chip, " ");
  });
}
