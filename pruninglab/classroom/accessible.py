"""Names for screen readers, where ipywidgets gives none.

The handle of an ipywidgets slider, its number that can be edited, and a picture are known to a
screen reader as "slider", "1" and "image": their label and their caption only stand beside them.
Which element names which can be said in the page alone, so an Output widget, hidden among the
others, runs these lines there. Without a page that runs them everything works as before.
"""

from __future__ import annotations

import ipywidgets as widgets

from ..ideas.checks import Count, checked

# The widgets around it appear one by one: it comes back until all are there.
SCRIPT = """
const name = (tries) => {
  const box = element.closest('.widget-vbox');
  const there = box?.querySelectorAll(':scope > .widget-hbox > :has(.widget-label)').length;
  // What stays when the caption is written anew: only a lasting element is heard when it changes.
  const caption = box?.querySelector('[aria-live]')?.parentElement;
  if (!caption || there < PARTS) return tries && setTimeout(name, 100, tries - 1);
  caption.setAttribute('aria-live', 'polite');
  caption.id ||= `caption-${Math.random().toString(36).slice(2)}`;
  box.querySelector(':scope > img').setAttribute('aria-labelledby', caption.id);
  for (const slider of box.querySelectorAll('.widget-slider')) {
    const label = slider.querySelector('.widget-label').textContent;
    const handle = slider.querySelector('.noUi-handle');
    const readout = slider.querySelector('.widget-readout');
    readout.setAttribute('role', 'textbox');
    for (const part of [handle, readout]) part.setAttribute('aria-label', label);
    // A slider over listed options would say which of them, counted from 0.
    const say = () => handle.ariaValueText === readout.textContent
      || (handle.ariaValueText = readout.textContent);
    new MutationObserver(say).observe(slider, { subtree: true, childList: true,
      characterData: true, attributeFilter: ['aria-valuetext'] });
    say();
  }
};
name(100);
"""


@checked
def names(controls: Count) -> widgets.Output:
    """Return what names the sliders and the picture of the box that it is put into.

    The box holds `controls` rows of a control and its hint, one picture and, marked as `aria-live`,
    its caption.
    """
    script = SCRIPT.replace("PARTS", str(2 * controls))
    data = {"application/javascript": script}
    shown = {"output_type": "display_data", "data": data, "metadata": {}}
    return widgets.Output(outputs=(shown,), layout=widgets.Layout(display="none"))
