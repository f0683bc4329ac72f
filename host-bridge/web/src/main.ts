import "./style.css";
import { Editor } from "./app/editor";

const editor = new Editor(document.body);
void editor.start();
// For scripts in the browser's console, and for tests.
(window as unknown as { isac: Editor }).isac = editor;
