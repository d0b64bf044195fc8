import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { SessionView } from '../server/model';
import { paint } from '../session/branding';
import type { Controller } from '../session/controller';
import { texts } from '../texts/format';

interface BrandProps {
  readonly session: SessionView;
  readonly controller: Controller;
}

/** Who the page belongs to: a logo, or a name; the application's where nobody has said. */
export function Brand({ session: { branding, applicationName }, controller }: BrandProps): VNode {
  const logo = useLogo(branding?.hasLogo ?? false, controller);
  useEffect(() => paint(document.documentElement.style, branding), [branding?.accent, branding?.accentDark]);
  const name = branding?.name ?? applicationName;
  if (logo !== null) return <img class="brand" src={logo} alt={name} />;
  return (
    <div class={name === applicationName ? 'brand own' : 'brand'}>
      <span class="tile" aria-hidden="true">
        {[...name][0]}
      </span>
      <p>
        <span class="title">{name}</span>
        <span class="facts">{texts.page.mark}</span>
      </p>
    </div>
  );
}

/** The address of the logo once it is here. It is read with the page's token, so it cannot be the `src` itself. */
function useLogo(wanted: boolean, controller: Controller): string | null {
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    if (!wanted) return;
    let made: string | null = null;
    let gone = false;
    void controller.logo().then((picture) => {
      if (picture === null || gone) return;
      made = URL.createObjectURL(picture);
      setAddress(made);
    });
    return () => {
      gone = true;
      if (made !== null) URL.revokeObjectURL(made);
    };
  }, [wanted, controller]);
  return address;
}
