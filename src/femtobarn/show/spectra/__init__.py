"""What a person looks at of a scan of mass spectra: a page to browse all of them, and figures.

`femtobarn.show.spectra.gallery.write_gallery` writes the page, `femtobarn.show.spectra.figures.draw_scan`
the figures; both take the spectra as `femtobarn.running.results.spectra.reader` gives them. The section of
the report is in `femtobarn.show.report.scan`.
"""
